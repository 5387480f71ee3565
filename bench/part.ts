// What a part of the benchmark is given and what it gives back.
import type { Workshop } from './machine/workshop.ts';
import type { Row } from './rows.ts';

export interface PartContext {
  readonly workshop: Workshop;
  /** What is being done just now, for a person who waits. */
  readonly tell: (line: string) => void;
}

/** Rows in the order in which they are printed. Rejects only where Weir itself could not be measured. */
export type RunPart = (context: PartContext) => Promise<readonly Row[]>;

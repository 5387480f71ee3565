// What the table says of one error code.

export interface ErrorEntry {
  /** HTTP status where the error crosses HTTP. */
  readonly status: number;
  readonly meaning: string;
  readonly remedy: string;
}

export const entry = (status: number, meaning: string, remedy: string): ErrorEntry => ({ status, meaning, remedy });

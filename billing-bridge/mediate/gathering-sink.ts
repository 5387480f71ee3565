// Keeps what mediating the readings of one meter gives, bucket by bucket: to be held against what stands, or to correct it.
import type { EpochMs } from '../../common/model/time.ts';
import type { BucketContent } from './bucket-content.ts';
import type { Bucket } from './grid.ts';
import { type History, newHistory } from './history-rows.ts';
import type { EpochBegin, MeterSink } from './meter-state.ts';
import { isReleased, type Release } from './releases.ts';
import type { Span } from './span.ts';

export class GatheringSink implements MeterSink {
  readonly contents = new Map<Bucket, BucketContent>();
  readonly history: History = newHistory();
  lostSpans = 0;
  readonly #releases: readonly Release[];

  constructor(releases: readonly Release[] = []) {
    this.#releases = releases;
  }

  close(_meter: number, content: BucketContent): void {
    this.contents.set(content.bucket, content);
  }

  amend(): void {
    throw new Error('BUG: a meter that is mediated in order amends nothing');
  }

  begin(epoch: EpochBegin): void {
    this.history.epochs.push(epoch);
  }

  checkpoint(meter: number, at: EpochMs, value: bigint): void {
    this.history.checkpoints.push({ meter, at, value });
  }

  suspend(meter: number, span: Span): void {
    this.history.suspended.push({ meter, span });
  }

  released(_meter: number, span: Span): boolean {
    return isReleased(this.#releases, span);
  }

  span(span: Span): void {
    if (span.kind === 'lost') this.lostSpans += 1;
  }

  leaveOut(): void {}
}

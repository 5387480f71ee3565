// The port to what the collector knows of outages: records of one port, from which the bridge computes by itself.
import type { AgreedWindow, DownRecord } from '../../common/model/service-level.ts';
import type { EpochMs } from '../../common/model/time.ts';

export interface OutageRecords {
  readonly downs: readonly DownRecord[];
  readonly windows: readonly AgreedWindow[];
  /** Up to when the port's agents have told; null: nothing more will be known. */
  readonly knownUntilMs: EpochMs | null;
}

export interface OutageSource {
  /** Of `device/interfaceKey` in a span, while it is bound to a service. Throws collector_unreachable, collector_answer_unusable, or as the collector refuses. */
  outagesOf(query: {
    readonly resource: string;
    readonly service: string;
    readonly fromMs: EpochMs;
    readonly toMs: EpochMs;
  }): Promise<OutageRecords>;
}

// A collector that is asked for outages, which the test writes down itself.
import type { OutageRecords, OutageSource } from '../../billing-bridge/rate/outage-source.ts';
import type { AgreedWindow, DownRecord } from '../../common/model/service-level.ts';

export class OutageDouble implements OutageSource {
  downs: DownRecord[] = [];
  windows: AgreedWindow[] = [];
  knownUntilMs: number | null = null;
  failure: Error | null = null;
  asked: string[] = [];

  outagesOf({ resource, fromMs, toMs }: Parameters<OutageSource['outagesOf']>[0]): Promise<OutageRecords> {
    this.asked.push(resource);
    if (this.failure !== null) return Promise.reject(this.failure);
    const meets = (one: { readonly fromMs: number; readonly toMs: number | null }): boolean =>
      one.fromMs < toMs && (one.toMs ?? Infinity) > fromMs;
    const device = resource.split('/')[0];
    return Promise.resolve({
      downs: this.downs.filter((one) => meets(one) && (one.resource === resource || one.resource === device)),
      windows: this.windows.filter(meets),
      knownUntilMs: this.knownUntilMs,
    });
  }
}

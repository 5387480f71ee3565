// The half of an agent that speaks with a collector: a real spool and a real shipper on it, fed with polls by the test.
import { NodeHttpClient } from '../../agent/ship/http-client.ts';
import { Shipper } from '../../agent/ship/shipper.ts';
import { Spool, SPOOL_DEFAULTS } from '../../agent/spool/spool.ts';
import type { Poll } from '../../common/model/poll.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { silentReporter } from './silent-reporter.ts';

export interface ShippingAgent {
  readonly spool: Spool;
  /** Of the shipper, as its health tells it. */
  readonly message: () => string;
  /** One poll is one batch; resolves once it is in the spool. */
  readonly keep: (poll: Poll) => Promise<void>;
  readonly ship: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function startShippingAgent(words: {
  readonly url: string;
  readonly token: string;
  readonly folder: string;
}): Promise<ShippingAgent> {
  const { url, token, folder } = words;
  const { reporter } = silentReporter();
  const clock = new SystemClock();
  const bounds = { ...SPOOL_DEFAULTS, maxBytes: 1e9, maxAgeMs: 1e12 };
  const spool = new Spool(reporter, { ...bounds, agent: 'agent-1', folder }, { clock, freeBytes: () => 1e12 });
  const http = new NodeHttpClient({ clock, tls: null });
  const deps = { clock, spool, http, token: () => token, random: () => 0 };
  const shipper = new Shipper(reporter, { agent: 'agent-1', collectorUrls: [url], timeoutMs: 5000 }, deps);
  await spool.start();
  return {
    spool,
    message: () => reporter.healthStates()['ship']?.message ?? '',
    keep: async (poll) => {
      const kept = spool.accept(poll, { device: poll.device, completeUntilMs: poll.finishedAtMs });
      await spool.flush();
      await kept;
    },
    ship: () => shipper.start(),
    stop: async () => {
      await shipper.stop();
      await http.stop();
      await spool.stop();
    },
  };
}

// Mediation put together: readings from the collector in, usage records and the proof of them out.
import type { Database } from '../common/database/database.ts';
import type { Clock } from '../common/runtime/clock.ts';
import { WeirError } from '../common/runtime/errors.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { resolveSecret } from '../common/runtime/secrets.ts';
import { CollectorWatch } from './collector-watch.ts';
import type { BillingBridgeConfig } from './config.ts';
import { HttpReadingsSource } from './mediate/http-readings-source.ts';
import type { Mediation, ReadingsSource, SuspenseDecisions, UsageBook, UsageProof } from './mediate/mediation.ts';
import { MediationRun } from './mediate/mediation-run.ts';
import { SuspenseDesk } from './mediate/suspense-desk.ts';
import { PulledAgainProof } from './mediate/usage-proof.ts';
import type { OutageSource } from './rate/outage-source.ts';
import { UsageStore } from './mediate/usage-store.ts';

export interface MediationParts {
  readonly mediation: Mediation;
  readonly usage: UsageBook;
  readonly proof: UsageProof;
  readonly readings: ReadingsSource;
  readonly suspense: SuspenseDecisions;
  /** Absent where nobody can be asked for outages. */
  readonly outages?: OutageSource;
}

export interface MediationPartsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function mediationParts(
  reporter: Reporter,
  config: Pick<BillingBridgeConfig, 'bucketMs' | 'collectorUrl' | 'collectorToken'>,
  { database, clock, environment }: MediationPartsDeps,
): MediationParts {
  const { bucketMs, collectorUrl, collectorToken } = config;
  const token = (): string => tokenFrom(collectorToken, environment);
  const collector = new HttpReadingsSource({ url: collectorUrl }, { clock, token });
  const source = new CollectorWatch(reporter, collector);
  return {
    mediation: new MediationRun(reporter, { bucketMs }, { database, source, clock }),
    usage: new UsageStore({ bucketMs }, { database }),
    proof: new PulledAgainProof({ bucketMs }, { database, source, clock }),
    readings: source,
    suspense: new SuspenseDesk({ bucketMs }, { database, source, clock }),
    outages: collector,
  };
}

/** billing_bridge.collector_token, else WEIR_BRIDGE_TOKEN. Throws secret_unresolved. */
function tokenFrom(configured: string | null, environment: MediationPartsDeps['environment']): string {
  if (configured !== null) return resolveSecret(configured, environment);
  const given = environment['WEIR_BRIDGE_TOKEN'];
  if (given !== undefined && given !== '') return given;
  throw new WeirError('secret_unresolved', 'There is no token to ask the collector with.', {
    reference: 'billing_bridge.collector_token or WEIR_BRIDGE_TOKEN',
  });
}

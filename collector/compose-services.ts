// The mirror of customers and services, made from what the collector has: its database, and the token of the bridge.
import type { Database } from '../common/database/database.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import type { CollectorConfig } from './config.ts';
import type { CollectorDeps } from './running-collector.ts';
import { HTTP_FEED, HttpFeedSource } from './services/feed-source.ts';
import { MirrorStore } from './services/mirror-store.ts';
import { ServiceMirror } from './services/service-mirror.ts';

export function composeServices(
  reporter: Reporter,
  config: Pick<CollectorConfig, 'bridgeUrl'>,
  deps: Pick<CollectorDeps, 'clock' | 'random' | 'environment'>,
  database: Database,
): ServiceMirror {
  const token = deps.environment['WEIR_BRIDGE_TOKEN'] ?? '';
  const url = config.bridgeUrl.replace(/\/+$/, '');
  return new ServiceMirror(reporter, {
    clock: deps.clock,
    random: deps.random,
    store: new MirrorStore(database),
    source: token === '' ? null : new HttpFeedSource({ ...HTTP_FEED, url }, { token }),
  });
}

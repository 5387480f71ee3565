// Telling over a real database and real HTTP, on a clock in the test's hand: alarms are changed as fault management changes them.
import { Shelved } from '../../collector/maintenance/shelved.ts';
import { collectorMigrations } from '../../collector/main.ts';
import { Announcer } from '../../collector/tell/announcer.ts';
import { Webhook } from '../../collector/tell/channels/webhook.ts';
import { Deliveries } from '../../collector/tell/deliveries.ts';
import type { Storm } from '../../collector/tell/messages-due.ts';
import type { Route } from '../../collector/tell/route.ts';
import type { Severity } from '../../collector/faults/alarm.ts';
import type { SilenceSource } from '../../collector/faults/silence.ts';
import type { Database } from '../../common/database/database.ts';
import { migrate } from '../../common/database/migrate.ts';
import { silentReporter } from './silent-reporter.ts';
import { QUIET_STORM } from './telling-machine.ts';
import { type TestDatabase, startTestDatabase } from './test-database.ts';
import { VirtualClock } from './virtual-clock.ts';
import { HOOK_SECRET, WebhookServer } from './webhook-server.ts';

export const RIG_START_MS = 1_790_000_000_000;

export interface Telling {
  readonly announcer: Announcer;
  readonly deliveries: Deliveries;
}

export class TellingRig {
  readonly server: TestDatabase;
  readonly hooks = new WebhookServer();
  clock = new VirtualClock(RIG_START_MS);
  #keys = 0;

  private constructor(server: TestDatabase) {
    this.server = server;
  }

  static async start(): Promise<TellingRig> {
    const server = await startTestDatabase();
    await migrate(server.database, collectorMigrations);
    const rig = new TellingRig(server);
    await rig.hooks.start();
    rig.hooks.now = () => rig.clock.now();
    return rig;
  }

  async stop(): Promise<void> {
    this.hooks.stop();
    await this.server.stop();
  }

  get database(): Database {
    return this.server.database;
  }

  /** Nothing is raised, nobody was told anything. */
  async reset(): Promise<void> {
    await this.database.query('truncate tell.message, tell.message_item, tell.ledger, faults.alarm cascade');
    this.hooks.hooks.length = 0;
    this.hooks.answering = 'well';
    this.clock = new VirtualClock(RIG_START_MS);
  }

  /** One collector's telling; `database` may be one that dies. */
  telling(
    routes: readonly Route[],
    words: {
      readonly database?: Database;
      readonly storm?: Storm;
      readonly maxAttempts?: number;
      readonly silences?: readonly SilenceSource[];
      readonly channels?: readonly string[];
    } = {},
  ): Telling {
    const { database = this.database, storm = QUIET_STORM, maxAttempts = 1000, channels = ['noc'] } = words;
    const { reporter } = silentReporter();
    const { clock } = this;
    const deps = { now: () => clock.now(), environment: {}, fetch };
    const deliveries = new Deliveries(reporter, {
      database,
      clock,
      random: () => 0.5,
      channels: new Map(
        channels.map((name) => [
          name,
          {
            channel: new Webhook({ url: `${this.hooks.url}/${name}`, secret: HOOK_SECRET }, deps),
            timeoutMs: 5000,
            maxAttempts,
          },
        ]),
      ),
      itemsOf: () => [],
    });
    const facts = {
      siteOf: () => null,
      tagsOf: () => [],
      customersOf: () => [],
      silences: words.silences ?? [new Shelved()],
    };
    const newKey = (): string => {
      this.#keys += 1;
      return `key-${this.#keys}`;
    };
    const config = { routes, storms: new Map(channels.map((name) => [name, storm])), keptMs: 1_000_000 };
    return { announcer: new Announcer(reporter, config, { database, clock, newKey, facts, deliveries }), deliveries };
  }

  /** Decides and delivers, until nothing is under way. */
  async pass({ announcer, deliveries }: Telling): Promise<void> {
    await announcer.pass();
    await deliveries.settled();
  }

  /** Passes every few seconds for a while. */
  async go(telling: Telling, seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds; passed += 5) {
      await this.clock.advance(5000);
      await this.pass(telling);
    }
  }

  async raise(name: string, severity: Severity = 'major'): Promise<string> {
    const { rows } = await this.database.query<{ id: bigint }>(
      `insert into faults.alarm as held (resource, alarm_type, qualifier, device, severity, is_cleared, text, created_at_ms,
                                         raised_at_ms, changed_at_ms)
       values ($1 || '/ge-0', 'interface-down', '', $1, $2, false, 'ge-0 is down', $3, $3, $3)
       on conflict (resource, alarm_type, qualifier) do update
          set severity = $2, is_cleared = false, changed_at_ms = $3, cleared_at_ms = null,
              raised_at_ms = case when held.is_cleared then $3 else held.raised_at_ms end,
              operator_state = case when held.is_cleared then 'none' else held.operator_state end
       returning id`,
      [name, severity, this.clock.now()],
    );
    return String(rows[0]?.id);
  }

  async clear(name: string): Promise<void> {
    await this.database.query(
      'update faults.alarm set is_cleared = true, cleared_at_ms = $2, changed_at_ms = $2 where device = $1',
      [name, this.clock.now()],
    );
  }

  async operate(name: string, state: 'none' | 'ack' | 'closed'): Promise<void> {
    await this.database.query(`update faults.alarm set operator_state = $2, operator = 'anna' where device = $1`, [
      name,
      state,
    ]);
  }

  async shelve(name: string, ms: number): Promise<void> {
    await this.database.query('update faults.alarm set shelved_until_ms = $2 where device = $1', [
      name,
      this.clock.now() + ms,
    ]);
  }

  async messages(): Promise<readonly { state: string; attempts: number; failure: string | null; key: string }[]> {
    const { rows } = await this.database.query<{
      state: string;
      attempts: number;
      failure: string | null;
      key: string;
    }>('select state, attempts, failure, key from tell.message order by id');
    return rows;
  }
}

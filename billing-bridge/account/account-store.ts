// The contracts in PostgreSQL: append-only versions; applying a configuration twice changes nothing.
import { recordAudit } from '../../common/database/audit.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import { isoTime } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { Buyer } from '../bill/legal-entity.ts';
import type { CustomerDocument } from '../contract-schema.ts';
import { cycleOf } from './contract.ts';
import { type Application, applicationOf, keptService, serviceChange, type Stated } from './apply.ts';
import { ContractBook } from './contract-book.ts';
import type { Customer, PlanTerms, PlanVersion, Service } from './contract.ts';
import type { KeptVersion } from './kept-version.ts';
import { type Rebinding, rebound } from './rebinding.ts';

export interface AccountStoreDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly readPlanTerms: (document: unknown) => PlanTerms;
  readonly readCustomer: (document: unknown) => CustomerDocument;
  /** What an invoice says of the customer; without it there are none. */
  readonly buyerOf?: (document: CustomerDocument) => Buyer | null;
}

interface VersionRow {
  readonly serial: bigint;
  readonly kind: KeptVersion['kind'];
  readonly id: string;
  readonly version: number;
  readonly stated: string;
  readonly valid_from_ms: bigint;
  readonly document: unknown;
}

/** Any constant that nothing else in the database uses: "acct" in ASCII. */
const ADVISORY_LOCK = 0x61_63_63_74;

export class AccountStore {
  readonly #reporter: Reporter;
  readonly #deps: AccountStoreDeps;
  #book: ContractBook | null = null;

  constructor(reporter: Reporter, deps: AccountStoreDeps) {
    this.#reporter = reporter.child('account');
    this.#deps = deps;
  }

  /** Brings what is kept to what is stated. Throws contract_change_refused or meter_bound_twice, then nothing is written. */
  async apply(stated: Stated): Promise<Application> {
    const application = await this.#deps.database.transaction(async (connection) => {
      await connection.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
      const kept = (await readVersions(connection)).map(keptOf);
      const found = applicationOf(kept, stated, this.#deps.clock.now());
      await this.#write(connection, found);
      return found;
    });
    if (application.superseded.length > 0)
      this.#reporter.warn('an entry of a price plan was changed that a later one has replaced: it has no effect', {
        plans: [...new Set(application.superseded)].slice(0, 50),
      });
    if (application.versions.length > 0)
      this.#reporter.info('contracts changed', {
        versions: application.versions.map((one) => `${one.kind} ${one.id} ${one.version}`).slice(0, 50),
      });
    return application;
  }

  /** Ends the binding of a port, or goes on with another; who asked for it is written down in the same transaction. Asked again it changes nothing. */
  async rebind(
    service: string,
    asked: Rebinding,
    by: { readonly name: string; readonly role: string; readonly reason: string },
  ): Promise<Service> {
    const now = this.#deps.clock.now();
    await this.#deps.database.transaction(async (connection) => {
      await connection.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
      const kept = (await readVersions(connection)).map(keptOf);
      const found = serviceChange(kept, service, (one) => rebound(one, asked, now), now);
      await this.#write(connection, found);
      if (found.versions.length === 0) return;
      await recordAudit(connection, {
        atMs: now,
        actor: by.name,
        role: by.role,
        action: asked.to === null ? 'binding.end' : 'binding.move',
        subject: `service/${service}`,
        before: { device: asked.device, interface: asked.interface },
        after: { at: isoTime(asked.atMs), to: asked.to },
        note: by.reason,
      });
    });
    const changed = (await this.book()).services.get(service);
    if (changed === undefined) throw new Error('BUG: a service was changed and is not there');
    return changed;
  }

  /** The contracts as they are kept now, read again only after a change; or as they were when no later version was kept. */
  async book(until?: bigint): Promise<ContractBook> {
    if (until !== undefined)
      return this.#read((await readVersions(this.#deps.database)).filter(({ serial: kept }) => kept <= until));
    const { rows } = await this.#deps.database.query<{ serial: bigint }>(
      'select coalesce(max(serial), 0)::int8 as serial from billing.contract_version',
    );
    const serial = rows[0]?.serial ?? 0n;
    if (this.#book?.serial !== serial) this.#book = this.#read(await readVersions(this.#deps.database));
    return this.#book;
  }

  /** The contracts as they would be with what is stated; writes nothing. Throws as `apply` does. */
  async bookWith(stated: Stated): Promise<ContractBook> {
    const rows = await readVersions(this.#deps.database);
    const { versions } = applicationOf(rows.map(keptOf), stated, this.#deps.clock.now());
    const serial = rows.reduce((most, row) => (row.serial > most ? row.serial : most), 0n);
    const made = versions.map(({ validFromMs, ...version }, at) => ({
      ...version,
      valid_from_ms: BigInt(validFromMs),
      serial: serial + BigInt(at + 1),
    }));
    return this.#read([...rows, ...made]);
  }

  /** Every version of one kind, oldest first: for the API. */
  async history(kind: KeptVersion['kind']): Promise<KeptVersion[]> {
    return (await readVersions(this.#deps.database)).filter((row) => row.kind === kind).map(keptOf);
  }

  async #write(connection: Queryable, application: Application): Promise<void> {
    const now = this.#deps.clock.now();
    for (const one of application.versions)
      await connection.query(
        `insert into billing.contract_version (kind, id, version, stated, valid_from_ms, applied_at_ms, document)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [
          one.kind,
          one.id,
          one.version,
          one.stated,
          one.validFromMs,
          now,
          one.document === null ? null : JSON.stringify(one.document),
        ],
      );
    for (const one of application.reratings)
      await connection.query('insert into billing.rerating (service, from_ms, to_ms) values ($1, $2, $3)', [
        one.service,
        one.fromMs,
        one.toMs,
      ]);
  }

  #read(rows: readonly VersionRow[]): ContractBook {
    const customers = new Map<string, Customer>();
    const services = new Map<string, Service>();
    const plans = new Map<string, PlanVersion>();
    for (const row of rows) {
      if (row.kind === 'service') services.set(row.id, keptService(row.document));
      // A customer that is no longer stated is kept: its services and bills still name it.
      if (row.kind === 'customer' && row.document !== null) this.#readCustomer(customers, row);
      if (row.kind === 'price_plan') this.#readPlan(plans, row);
    }
    return new ContractBook({
      serial: rows.reduce((most, row) => (row.serial > most ? row.serial : most), 0n),
      customers: [...customers.values()],
      services: [...services.values()],
      plans: [...plans.values()],
    });
  }

  #readCustomer(customers: Map<string, Customer>, row: VersionRow): void {
    const document = this.#deps.readCustomer(row.document);
    customers.set(row.id, { ...customerOf(document), buyer: this.#deps.buyerOf?.(document) ?? null });
  }

  #readPlan(plans: Map<string, PlanVersion>, row: VersionRow): void {
    const validFromMs = Number(row.valid_from_ms);
    const { document } = row;
    if (typeof document === 'object' && document !== null && 'cancelled' in document) {
      for (const [key, plan] of plans)
        if (plan.id === row.id && plan.validFromMs === validFromMs) plans.set(key, { ...plan, cancelled: true });
      return;
    }
    const terms = this.#deps.readPlanTerms(document);
    plans.set(`${row.id} ${row.version}`, { ...terms, id: row.id, version: row.version, validFromMs });
  }
}

function customerOf(document: CustomerDocument): Customer {
  return {
    id: document.id,
    name: document.name,
    currency: document.currency,
    zone: document.billing_zone,
    cycle: cycleOf(document),
    billsByMail: document.send_bills === 'email',
  };
}

async function readVersions(connection: Queryable): Promise<VersionRow[]> {
  const { rows } = await connection.query<VersionRow>(
    `select serial, kind, id, version, stated, valid_from_ms, document from billing.contract_version
      order by kind, id, version`,
  );
  return [...rows];
}

function keptOf(row: VersionRow): KeptVersion {
  return {
    kind: row.kind,
    id: row.id,
    version: row.version,
    stated: row.stated,
    validFromMs: Number(row.valid_from_ms),
    document: row.document,
  };
}

// The bridge's HTTP API: every route, the OpenAPI document made from them, and the address it listens on.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DescribedRoutes } from '../../common/http/described-routes.ts';
import { requireLoopback } from '../../common/http/loopback.ts';
import { openApiDocument } from '../../common/http/openapi.ts';
import { createServer, listen } from '../../common/http/server.ts';
import { FAILED_SIGN_INS_PER_MINUTE, SignInGuard } from '../../common/http/sign-in-guard.ts';
import { type Authenticator, STATE_READERS } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { Ledger } from '../ledger.ts';
import { MONEY_READERS } from './access.ts';
import { addBillRoutes, type BillRoutesDeps } from './bill-routes.ts';
import { addBillRunRoutes } from './bill-run-routes.ts';
import { addChargeRoutes } from './charge-routes.ts';
import { addContractRoutes } from './contract-routes.ts';
import { addCreditNoteRoutes } from './credit-note-routes.ts';
import { addDocumentRoutes } from './document-routes.ts';
import type { BillDocuments } from './documents.ts';
import { addMessageRoutes, type MessageRoutesDeps } from './message-routes.ts';
import { Overview } from './overview.ts';
import { addQuoteRoutes } from './quote-routes.ts';
import { addBindingRoutes } from './binding-routes.ts';
import { addFinalRecordRoutes } from './final-record-routes.ts';
import { addPaymentRoutes } from './payment-routes.ts';
import { addQuotaRoutes } from './quota-routes.ts';
import { RunningTotals } from './running-totals.ts';
import { addTmf635Routes } from './tmf/tmf635-routes.ts';
import { addTmf678Routes, type Tmf678Deps } from './tmf/tmf678-routes.ts';
import { addUsageLinkRoutes, type UsageLinkRoutesDeps } from './usage-link-routes.ts';
import { addUsageSummary } from './usage-summary.ts';
import { addUsageRoutes } from './usage-routes.ts';
import { overviewForm } from './whole-schemas.ts';
import { addWorkRoutes, type Work } from './work-routes.ts';

export interface BillingApiConfig {
  readonly host: string;
  readonly port: number;
  /** Something in front does TLS. */
  readonly insecure: boolean;
  /** Holds each answer against its documented form: for tests. */
  readonly checkAnswers?: boolean;
}

export interface BillingApiDeps
  extends Pick<BillRoutesDeps, 'runBills' | 'runningBills' | 'gateNames' | 'billStates'>,
    Pick<MessageRoutesDeps, 'correspondence' | 'messageKinds' | 'messageStates'>,
    Pick<UsageLinkRoutesDeps, 'usagePages'>,
    Pick<Tmf678Deps, 'hub'> {
  readonly ledger: Ledger;
  readonly documents: BillDocuments;
  readonly work: Work;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  /** False until the database has the schema that the routes read. */
  readonly prepared: () => boolean;
}

const MAX_BODY_BYTES = 65_536;
/** Answers without what is behind the API; everything else waits for the database. */
const ALWAYS = new Set(['/healthz', '/readyz', '/metrics', '/billing/v1/openapi.json']);

const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

export class BillingApi implements Component {
  readonly #reporter: Reporter;
  readonly #config: BillingApiConfig;
  readonly #deps: BillingApiDeps;
  #server: FastifyInstance | null = null;

  constructor(reporter: Reporter, config: BillingApiConfig, deps: BillingApiDeps) {
    this.#reporter = reporter.child('api');
    this.#config = config;
    this.#deps = deps;
  }

  /** Throws listen_refused or port_in_use. */
  async start(): Promise<void> {
    if (this.#server !== null) return;
    const { host, port, insecure } = this.#config;
    requireLoopback(host, insecure);
    const server = this.build();
    await listen(server, host, port).catch(async (error: unknown) => {
      await server.close();
      throw error;
    });
    this.#server = server;
    this.#reporter.info('listening', { host, port });
  }

  /** Requests under way are answered; new ones are not taken. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await server?.close();
  }

  /** The server with all its routes, not listening. */
  build(): FastifyInstance {
    const { clock, prepared } = this.#deps;
    const authenticator = new SignInGuard(this.#reporter, FAILED_SIGN_INS_PER_MINUTE, {
      inner: this.#deps.authenticator,
      clock,
    });
    const server = createServer(this.#reporter, { maxBodyBytes: MAX_BODY_BYTES, authenticator });
    // What a PATCH of TM Forum comes as.
    server.addContentTypeParser(
      ['application/merge-patch+json'],
      { parseAs: 'string' },
      server.getDefaultJsonParser('error', 'error'),
    );
    server.addHook('onRequest', async (request) => refuseCookie(request));
    server.addHook('onSend', async (_request, reply) => void reply.headers(HEADERS));
    server.addHook('preHandler', async (request) => {
      if (!prepared() && !ALWAYS.has(request.routeOptions.url ?? ''))
        throw new WeirError('not_ready', 'The database is not prepared yet.');
    });
    this.#addRoutes(server);
    return server;
  }

  #addRoutes(server: FastifyInstance): void {
    const { ledger, work, clock, runBills, billStates, documents } = this.#deps;
    const routes = new DescribedRoutes(server, { checkAnswers: this.#config.checkAnswers ?? false });
    const running = new RunningTotals({
      clock,
      book: () => ledger.book(),
      preview: (...asked) => ledger.preview(...asked),
    });
    const overview = new Overview({ ledger, running, clock });
    addContractRoutes(routes, { ledger, running, clock });
    addUsageRoutes(routes, { ledger, clock });
    addChargeRoutes(routes, ledger);
    addBillRoutes(routes, this.#deps);
    addBillRunRoutes(routes, this.#deps);
    addCreditNoteRoutes(routes, ledger);
    addPaymentRoutes(routes, ledger);
    addDocumentRoutes(routes, ledger, documents);
    addMessageRoutes(routes, this.#deps);
    addTmf678Routes(routes, { ledger, clock, runBills, billStates, hub: this.#deps.hub });
    addTmf635Routes(routes, ledger);
    addQuoteRoutes(routes, { ledger, clock });
    addFinalRecordRoutes(routes, ledger);
    addBindingRoutes(routes, ledger, clock);
    addQuotaRoutes(routes, ledger);
    addUsageSummary(routes, { ledger, clock });
    const guard = new SignInGuard(this.#reporter.child('links'), FAILED_SIGN_INS_PER_MINUTE, {
      inner: this.#deps.authenticator,
      clock,
    });
    addUsageLinkRoutes(routes, { ledger, documents, usagePages: this.#deps.usagePages, guard, clock });
    addWorkRoutes(routes, work);
    routes.add(
      {
        method: 'GET',
        url: '/billing/v1/overview',
        access: MONEY_READERS,
        summary: 'What the first page shows: counts, running totals, and the newest charge back to its readings.',
        answer: overviewForm,
      },
      () => overview.get(),
    );
    const document = openApiDocument(
      {
        title: 'Weir billing bridge',
        version: '1',
        description:
          'Usage, charges and bills, each led back to the counters it rests on. Error codes: docs/errors.md.',
      },
      routes.routes,
    );
    server.get('/billing/v1/openapi.json', { config: { access: STATE_READERS, scoped: true } }, () =>
      Promise.resolve(document),
    );
  }
}

/** A browser comes through the collector, which trades the session for its token and looks where the request is from; here a cookie would let any page of this host bill. */
function refuseCookie(request: FastifyRequest): void {
  if (request.routeOptions.config.access !== 'open' && request.headers.authorization === undefined)
    throw new WeirError('token_missing', 'The request carries no token.');
}

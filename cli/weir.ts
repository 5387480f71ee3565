// The weir command line: every command, each loaded when it is asked for.
import { AGENT_COMMANDS } from './agent-commands.ts';
import { type Program, runCommandLine } from './command-line.ts';

const COMMANDS: Program['commands'] = {
  demo: {
    summary: 'a simulated network and the whole pipeline on this machine',
    load: async () => (await import('./commands/demo.ts')).demoCommand,
  },
  up: {
    summary: 'the whole pipeline on this machine, on real devices',
    load: async () => (await import('./commands/up.ts')).upCommand,
  },
  poll: AGENT_COMMANDS.poll,
  discover: AGENT_COMMANDS.discover,
  import: {
    summary: 'take devices over from a table, LibreNMS or NetBox',
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  check: AGENT_COMMANDS.check,
  agent: AGENT_COMMANDS.agent,
  collector: {
    summary: 'run a collector',
    load: async () => (await import('./commands/collector.ts')).collectorCommand,
  },
  'billing-bridge': {
    summary: 'run a billing bridge',
    load: async () => (await import('./commands/billing-bridge.ts')).billingBridgeCommand,
  },
  simulate: {
    summary: 'run a network of simulated SNMP devices',
    load: async () => (await import('./commands/simulate.ts')).simulateCommand,
  },
  migrate: {
    summary: 'bring the database to this version',
    load: async () => (await import('./commands/migrate.ts')).migrateCommand,
  },
  replay: {
    summary: 'see, pause and replay the projections of a collector',
    load: async () => (await import('./commands/replay.ts')).replayCommand,
  },
  rules: {
    summary: 'try other fault rules on what is stored',
    load: async () => (await import('./commands/rules.ts')).rulesCommand,
  },
  'service-levels': {
    summary: 'availability and outages of services and customers over a period',
    load: async () => (await import('./commands/service-levels.ts')).serviceLevelsCommand,
  },
  diagnosis: {
    summary: 'what was found out about an alarm, and what was done about it',
    load: async () => (await import('./commands/diagnosis.ts')).diagnosisCommand,
  },
  told: {
    summary: 'who was told of an alarm, and why others were not',
    load: async () => (await import('./commands/told.ts')).toldCommand,
  },
  token: {
    summary: 'make, list and revoke access tokens',
    load: async () => (await import('./commands/token.ts')).tokenCommand,
  },
  mediate: { summary: 'run mediation once', load: async () => (await import('./commands/mediate.ts')).mediateCommand },
  'bill-run': {
    summary: 'make the bills of a period',
    load: async () => (await import('./commands/bill-run.ts')).billRunCommand,
  },
  bill: {
    summary: 'show a bill, write it as PDF, CSV or JSON, send it by e-mail, record a payment',
    load: async () => (await import('./commands/bill.ts')).billCommand,
  },
  'usage-link': {
    summary: 'make, list and take back links to the usage and bills of one customer',
    load: async () => (await import('./commands/usage-link.ts')).usageLinkCommand,
  },
  rerate: {
    summary: 'show what rating a period anew would change, and apply it',
    load: async () => (await import('./commands/rerate.ts')).rerateCommand,
  },
  reconcile: {
    summary: 'prove conservation and print every difference',
    load: async () => (await import('./commands/reconcile.ts')).reconcileCommand,
  },
  'month-end': {
    summary: 'report what a period expected, received, lost, and billed',
    load: async () => (await import('./commands/month-end.ts')).monthEndCommand,
  },
  audit: {
    summary: 'verify the hash chain over charges, bills and credit notes',
    load: async () => (await import('./commands/audit.ts')).auditCommand,
  },
  backup: {
    summary: 'write contracts, readings, usage, charges and bills to one file',
    load: async () => (await import('./commands/backup.ts')).backupCommand,
  },
  restore: {
    summary: 'put a backup into an empty database',
    load: async () => (await import('./commands/restore.ts')).restoreCommand,
  },
  export: {
    summary: 'write bills, charges or usage as JSON or CSV',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
};

await runCommandLine({ name: 'weir', commands: COMMANDS });

// The weir command line: finds the command, reads its options, runs it, and turns what it throws into a message and an exit code.
import { parseArgs } from 'node:util';
import { codeOf, messageOf, WeirError } from '../common/runtime/errors.ts';
import type { Command, CommandContext } from './command.ts';

/** Loaded only when asked for: the agent never loads what the bridge needs. */
const COMMANDS: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  demo: {
    summary: 'a simulated network and the whole pipeline on this machine',
    load: async () => (await import('./commands/demo.ts')).demoCommand,
  },
  up: {
    summary: 'the whole pipeline on this machine, on real devices',
    load: async () => (await import('./commands/up.ts')).upCommand,
  },
  poll: {
    summary: 'poll one device once and print what it says',
    load: async () => (await import('./commands/poll.ts')).pollCommand,
  },
  check: {
    summary: 'say what is wrong with a configuration',
    load: async () => (await import('./commands/check.ts')).checkCommand,
  },
  agent: { summary: 'run an agent', load: async () => (await import('./commands/agent.ts')).agentCommand },
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
  token: {
    summary: 'make, list and revoke access tokens',
    load: async () => (await import('./commands/token.ts')).tokenCommand,
  },
  mediate: { summary: 'run mediation once', load: async () => (await import('./commands/mediate.ts')).mediateCommand },
  'bill-run': {
    summary: 'make the bills of a period',
    load: async () => (await import('./commands/bill-run.ts')).billRunCommand,
  },
  reconcile: {
    summary: 'prove conservation and print every difference',
    load: async () => (await import('./commands/reconcile.ts')).reconcileCommand,
  },
  export: {
    summary: 'write bills, charges or usage as JSON or CSV',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
};

const EXIT_MISUSED = 2;

function overview(): string {
  const lines = Object.entries(COMMANDS).map(([name, command]) => `  ${name.padEnd(16)}${command.summary}`);
  return [
    'Weir: from SNMP counter to bill line, nothing lost, nothing invented, everything explainable.',
    '',
    'usage: weir COMMAND [OPTIONS]      weir COMMAND --help',
    '',
    ...lines,
    '',
    'Exit codes: 0 done, 1 failed, 2 misused.',
  ].join('\n');
}

/** SIGINT, SIGTERM or the loss of a supervising parent abort; a second signal ends the process at once. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  if (process.connected) process.on('disconnect', () => controller.abort());
  return controller.signal;
}

function contextOf(
  values: CommandContext['options'],
  positionals: readonly string[],
  signal: AbortSignal,
): CommandContext {
  const json = values['json'] === true;
  return {
    options: values,
    positionals,
    environment: process.env,
    json,
    signal,
    print: (line) => void process.stdout.write(`${line}\n`),
    progress: (line) => {
      if (!json && process.stderr.isTTY) process.stderr.write(`${line}\n`);
    },
  };
}

function parse(
  command: Command,
  args: readonly string[],
): { values: CommandContext['options']; positionals: readonly string[] } {
  const options = { ...command.options, json: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw new WeirError('misused', messageOf(cause), { command: command.name }, cause);
  }
}

async function main(args: readonly string[]): Promise<number> {
  const name = args[0];
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(`${overview()}\n`);
    return name === undefined ? EXIT_MISUSED : 0;
  }
  const entry = COMMANDS[name];
  if (entry === undefined)
    throw new WeirError('misused', `There is no command ${name}.`, { commands: Object.keys(COMMANDS) });
  const command = await entry.load();
  const { values, positionals } = parse(command, args.slice(1));
  if (values['help'] === true) {
    process.stdout.write(`weir ${command.name}: ${command.summary}\n\n${command.help}\n`);
    return 0;
  }
  return command.run(contextOf(values, positionals, abortOnSignals()));
}

function explain(error: unknown, json: boolean): number {
  if (json) {
    const body =
      error instanceof WeirError
        ? error.toBody()
        : { error: { code: codeOf(error), message: messageOf(error), detail: {} } };
    process.stdout.write(`${JSON.stringify(body)}\n`);
  } else if (error instanceof WeirError) {
    process.stderr.write(`weir: ${error.message}\n      ${error.remedy} [${error.code}]\n`);
  } else {
    process.stderr.write(`weir: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
  return error instanceof WeirError && error.code === 'misused' ? EXIT_MISUSED : 1;
}

// Whoever reads our output may have read enough, as `| head` does: that is no failure.
process.stdout.on('error', (error) => {
  if (codeOf(error) === 'EPIPE') process.exit(0);
  throw error;
});

const exitCode = await main(process.argv.slice(2)).catch((error: unknown) =>
  explain(error, process.argv.includes('--json')),
);
process.exitCode = exitCode;
// Handles of a library that outlive their owner must not keep a finished command alive.
setTimeout(() => process.exit(exitCode), 2000).unref();

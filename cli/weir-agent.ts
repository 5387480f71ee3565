// The command line of the small artifact that runs next to network equipment: what an agent's host needs of weir, and nothing else.
import { type Program, runCommandLine } from './command-line.ts';

const COMMANDS: Program['commands'] = {
  agent: { summary: 'run the agent', load: async () => (await import('./commands/agent.ts')).agentCommand },
  poll: {
    summary: 'poll one device once and print what it says',
    load: async () => (await import('./commands/poll.ts')).pollCommand,
  },
  discover: {
    summary: 'find devices in a network',
    load: async () => (await import('./commands/discover.ts')).discoverCommand,
  },
  check: {
    summary: 'say what is wrong with a configuration',
    load: async () => (await import('./commands/check.ts')).checkCommand,
  },
};

await runCommandLine({ name: 'weir-agent', commands: COMMANDS });

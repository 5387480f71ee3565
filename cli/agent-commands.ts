// The commands that both command lines have, weir and weir-agent: what is done beside the equipment.
import type { Program } from './command-line.ts';

export const AGENT_COMMANDS = {
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
  agent: { summary: 'run an agent', load: async () => (await import('./commands/agent.ts')).agentCommand },
} satisfies Program['commands'];

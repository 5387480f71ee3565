// The command line of the small artifact that runs next to network equipment: what an agent's host needs of weir, and nothing else.
import { AGENT_COMMANDS } from './agent-commands.ts';
import { runCommandLine } from './command-line.ts';

await runCommandLine({ name: 'weir-agent', commands: AGENT_COMMANDS });

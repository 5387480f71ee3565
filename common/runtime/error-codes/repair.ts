// Error codes of putting it right: runbooks and corrective actions.
import { entry } from './entry.ts';

export const REPAIR_ERRORS = {
  tool_missing: entry(
    501,
    'A tool that a step of a diagnosis uses is not on the machine of the agent.',
    'Install ping, and traceroute or tracepath, beside the agent, and let the agent use them.',
  ),
} as const;

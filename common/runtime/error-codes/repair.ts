// Error codes of putting it right: runbooks and corrective actions.
import { entry } from './entry.ts';

export const REPAIR_ERRORS = {
  tool_missing: entry(
    501,
    'A tool that a step of a diagnosis uses is not on the machine of the agent.',
    'Install ping, and traceroute or tracepath, beside the agent, and let the agent use them.',
  ),
  action_refused: entry(
    409,
    'A corrective action may not be done now.',
    'detail.reasons says why: the path to the device, a limit, another action in hand, an alarm that is over. A dry run says the same without doing anything.',
  ),
  action_key_used: entry(
    409,
    'The key of a corrective action is that of another one.',
    'Make a new key for each action; the same key with the same action is answered with what became of it.',
  ),
} as const;

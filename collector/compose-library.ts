// The runbooks of a configuration: those that come with Weir and the operator's own, held against alarm types, webhooks and policies.
import { fileURLToPath } from 'node:url';
import { WeirError } from '../common/runtime/errors.ts';
import { ALARM_TYPES } from './faults/alarm-types.ts';
import type { RepairConfig } from './repair/repair-config.ts';
import { type Library, loadLibrary } from './repair/runbook-library.ts';

const SHIPPED = fileURLToPath(new URL('../config/runbooks', import.meta.url));

/** Throws configuration_missing, configuration_syntax, configuration_invalid; for a policy whose action does not exist too. */
export function composeLibrary(config: Pick<RepairConfig, 'folder' | 'webhooks' | 'policies'>): Library {
  const { folder, webhooks, policies } = config;
  const alarmTypes = Object.keys(ALARM_TYPES);
  const library = loadLibrary([SHIPPED, ...(folder === null ? [] : [folder])], {
    alarmTypes,
    webhooks: [...webhooks.keys()],
  });
  for (const { name, action, selector } of policies) {
    if (!library.recipes.has(action))
      throw new WeirError(
        'configuration_invalid',
        `The policy ${name} names the action ${action}, which does not exist.`,
      );
    const unknown = selector.alarmTypes.find((type) => !alarmTypes.includes(type));
    if (unknown !== undefined)
      throw new WeirError(
        'configuration_invalid',
        `The policy ${name} names the alarm type ${unknown}, which does not exist.`,
      );
  }
  return library;
}

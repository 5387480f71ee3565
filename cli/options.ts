// Reads single options of a command line.
import { WeirError } from '../common/runtime/errors.ts';
import type { CommandContext } from './command.ts';

export function textOption(context: CommandContext, name: string): string | undefined {
  const value = context.options[name];
  return typeof value === 'string' ? value : undefined;
}

export function portOption(context: CommandContext, name: string): number | undefined {
  const text = textOption(context, name);
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new WeirError('misused', `--${name} takes a port from 1 to 65535, not ${text}.`);
  }
  return port;
}

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

/** An option that may be given several times. */
export function textsOption(context: CommandContext, name: string): string[] {
  const value = context.options[name];
  const values = Array.isArray(value) ? value : [value];
  return values.filter((one) => typeof one === 'string');
}

export function wholeNumberOption(
  context: CommandContext,
  name: string,
  bounds: { readonly otherwise: number; readonly least: number; readonly most: number },
): number {
  const text = textOption(context, name);
  const value = text === undefined ? bounds.otherwise : Number(text);
  if (Number.isInteger(value) && value >= bounds.least && value <= bounds.most) return value;
  throw new WeirError('misused', `--${name} takes a whole number from ${bounds.least} to ${bounds.most}, not ${text}.`);
}

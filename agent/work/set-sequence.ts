// Values set one after the other with pauses between, as one piece of work: what must not be left half done is begun only where all of it may be done.
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { refuseSet, type SetAllowance } from './set-allowance.ts';
import type { SequenceStep, SetVarbind } from './work-item.ts';

export interface SequencePorts {
  /** By identifier; null where the device has no such object. */
  read(device: string, oids: readonly string[], signal: AbortSignal): Promise<Record<string, string | null>>;
  /** Throws where a SET of these would not be sent: no credential to write with, a value that is none. */
  checkSet(device: string, varbinds: readonly SetVarbind[]): void;
  set(device: string, varbinds: readonly SetVarbind[], signal: AbortSignal): Promise<object>;
}

export interface Sequence {
  readonly device: string;
  readonly steps: readonly SequenceStep[];
  readonly allowance: SetAllowance;
}

/** All but the setting: whether it would be allowed here, and what the values are now. Throws what the sequence would. */
export async function rehearse(
  { device, steps, allowance }: Sequence,
  ports: SequencePorts,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const varbinds = steps.flatMap((step) => step.varbinds);
  refuseSet(device, allowance, varbinds);
  ports.checkSet(device, varbinds);
  return present(await ports.read(device, oidsOf(steps), signal));
}

/**
 * Reads, sets step by step, reads again. A signal that aborts ends the pause and never what follows it: a port that was put down is brought
 * up again also where the agent is just stopping. A failure tells how many steps were done and what the values were before.
 */
export async function runSequence(
  sequence: Sequence,
  { ports, clock }: { readonly ports: SequencePorts; readonly clock: Pick<Clock, 'sleep'> },
  signal: AbortSignal,
): Promise<object> {
  const { device, steps } = sequence;
  const before = await rehearse(sequence, ports, signal);
  const through = new AbortController().signal;
  let stepsDone = 0;
  try {
    for (const { varbinds, pauseMs } of steps) {
      await ports.set(device, varbinds, stepsDone === 0 ? signal : through);
      stepsDone += 1;
      if (pauseMs > 0 && stepsDone < steps.length) await clock.sleep(pauseMs, signal);
    }
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    throw new WeirError(error.code, error.message, { ...error.detail, stepsDone, before }, error);
  }
  return { stepsDone, before, after: await ports.read(device, oidsOf(steps), through).catch(() => ({})) };
}

function oidsOf(steps: readonly SequenceStep[]): string[] {
  return [...new Set(steps.flatMap(({ varbinds }) => varbinds.map(({ oid }) => oid)))];
}

/** What the device does not have is not set: the identifier is of another device, or of a port that there is not. */
function present(values: Record<string, string | null>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [oid, value] of Object.entries(values)) {
    if (value === null)
      throw new WeirError('snmp_refused', `The device has no object ${oid}; nothing was set.`, {
        reason: 'noSuchInstance',
        oid,
      });
    found[oid] = value;
  }
  return found;
}

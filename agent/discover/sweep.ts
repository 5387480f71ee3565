// Asks a list of addresses, several at a time: which of the credential sets an address answers to, and then what it is.
import type { Clock } from '../../common/runtime/clock.ts';
import type { CredentialConfiguration } from '../../common/runtime/device-configuration.ts';
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { ProfileCatalogue } from '../profile/profile.ts';
import type { HostPort } from '../snmp/address.ts';
import type { DeviceReader } from '../snmp/table-reader.ts';
import { identify, type Identity } from './identity.ts';

export interface NamedCredential {
  readonly name: string;
  readonly credential: CredentialConfiguration;
}

export interface SweepConfig {
  /** Tried in this order; the first that is answered counts. */
  readonly credentials: readonly NamedCredential[];
  /** Of the request that finds out whether anybody is there. */
  readonly retries: number;
  /** Addresses asked at the same time. */
  readonly concurrency: number;
}

export interface SweepDeps {
  readonly clock: Clock;
  readonly catalogue: ProfileCatalogue;
  /** A reader whose packets wait for their turn; throws where a secret does not resolve. */
  open(address: HostPort, credential: NamedCredential): DeviceReader;
}

export interface Answering {
  readonly address: HostPort;
  readonly credential: string;
  readonly identity: Identity;
  /** 0: was asked for; n: a neighbour's neighbour n times over. */
  readonly hop: number;
}

/** Somebody is there, or the address cannot be asked; the code says what kept us out with the last set that told a reason. */
export interface Refusing {
  readonly address: HostPort;
  readonly credential: string;
  readonly code: ErrorCode;
}

export interface SweepEvents {
  onDone(): void;
  onAnswering(found: Answering): void;
  onRefusing(refusing: Refusing): void;
}

/** A device that takes longer to say what it is keeps what it has said. */
const IDENTIFY_MS = 120_000;

/** Resolves when all were asked or the signal aborted; rejects only where a credential cannot be used at all. */
export async function sweep(
  targets: readonly HostPort[],
  hop: number,
  config: SweepConfig,
  deps: SweepDeps,
  events: SweepEvents,
  signal: AbortSignal,
): Promise<void> {
  const queue = targets.values();
  const worker = async (): Promise<void> => {
    for (const address of queue) {
      if (signal.aborted) return;
      // A signal of its own: thousands of waits on one would each be heard of by it.
      await ask(address, hop, config, deps, events, AbortSignal.any([signal]));
      if (!signal.aborted) events.onDone();
    }
  };
  await Promise.all(Array.from({ length: Math.min(config.concurrency, targets.length) }, worker));
}

async function ask(
  address: HostPort,
  hop: number,
  config: SweepConfig,
  deps: SweepDeps,
  events: SweepEvents,
  signal: AbortSignal,
): Promise<void> {
  let refusing: Refusing | null = null;
  for (const credential of config.credentials) {
    const reader = deps.open(address, credential);
    const code = await probe(reader, config.retries, signal);
    if (signal.aborted) return;
    if (code === null) {
      const identity = await identifyInTime(reader, deps, signal);
      return events.onAnswering({ address, credential: credential.name, identity, hop });
    }
    if (code !== 'snmp_timeout') refusing = { address, credential: credential.name, code };
    if (code === 'address_unresolved' || code === 'snmp_unreachable') break;
  }
  if (refusing !== null) events.onRefusing(refusing);
}

/** Null: it answers. */
async function probe(reader: DeviceReader, retries: number, signal: AbortSignal): Promise<ErrorCode | null> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await reader.probe(signal);
      return null;
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      if (signal.aborted || !isSilence(error) || attempt >= retries) return error.code;
    }
  }
}

async function identifyInTime(reader: DeviceReader, deps: SweepDeps, signal: AbortSignal): Promise<Identity> {
  const over = new AbortController();
  const done = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  void deps.clock.sleep(IDENTIFY_MS, AbortSignal.any([signal, done.signal])).then(() => over.abort());
  try {
    return await identify(reader, deps.catalogue, both);
  } finally {
    done.abort();
  }
}

/** Whether a request came to nothing because nobody answered it. */
function isSilence(error: WeirError): boolean {
  return error.code === 'snmp_timeout' || error.code === 'snmp_silent_after_discovery';
}

// A port that vanished from a service: its binding ends, or goes on with another port from the same instant on. Pure.
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { type Binding, FOR_EVER_MS, type Service } from './contract.ts';

export interface Rebinding {
  readonly device: string;
  readonly interface: string;
  /** Not in the future. */
  readonly atMs: EpochMs;
  /** Null ends the binding. */
  readonly to: { readonly device: string; readonly interface: string } | null;
}

/** The service with the change; the same object where it was made before. Throws not_found or binding_refused. */
export function rebound(service: Service, asked: Rebinding, now: EpochMs): Service {
  const { device, interface: name, atMs, to } = asked;
  const own = service.bindings.filter((one) => one.device === device && one.interface === name);
  const old = own.find((one) => one.fromMs <= atMs && (one.toMs ?? FOR_EVER_MS) > atMs);
  if (old === undefined) {
    if (own.some((one) => one.toMs === atMs) && (to === null || isBound(service.bindings, to, atMs))) return service;
    throw new WeirError('not_found', `${device} ${name} is not bound to ${service.id} at ${isoTime(atMs)}.`, {
      service: service.id,
      device,
      interface: name,
    });
  }
  if (atMs > now) refuse('it would end in the future: state that in the configuration', service, asked);
  if (to !== null && to.device === device && to.interface === name) refuse('it is the same port', service, asked);
  const next: Binding[] = to === null ? [] : [{ ...to, fromMs: atMs, toMs: old.toMs }];
  const ended = old.fromMs < atMs ? [{ ...old, toMs: atMs }] : [];
  return { ...service, bindings: [...service.bindings.filter((one) => one !== old), ...ended, ...next] };
}

function isBound(bindings: readonly Binding[], to: NonNullable<Rebinding['to']>, atMs: EpochMs): boolean {
  return bindings.some((one) => one.device === to.device && one.interface === to.interface && one.fromMs === atMs);
}

function refuse(why: string, service: Service, { device, interface: name }: Rebinding): never {
  throw new WeirError('binding_refused', `The binding of ${device} ${name} to ${service.id} stays: ${why}.`, {
    service: service.id,
    device,
    interface: name,
  });
}

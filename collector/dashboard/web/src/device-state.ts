// How a device is, in one word and one colour.
import type { Device } from './types.ts';
import { t } from './words.ts';

export interface DeviceState {
  readonly word: string;
  readonly look: '' | 'state-up' | 'state-down' | 'state-doubt';
}

export function stateOf(device: Pick<Device, 'reachable' | 'stale'>): DeviceState {
  if (device.reachable === null) return { word: t('device.notSeen'), look: '' };
  if (device.stale) return { word: t('device.noNews'), look: 'state-doubt' };
  return device.reachable
    ? { word: t('device.answers'), look: 'state-up' }
    : { word: t('device.silent'), look: 'state-down' };
}

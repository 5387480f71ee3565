// Which live events a part of the network sees.
import { expect, test } from 'vitest';
import { visibleEvents } from '../../../collector/access/visible-events.ts';
import { EVERYTHING, type Viewpoint } from '../../../common/model/viewpoint.ts';
import type { EventKind } from '../../../collector/api/event-hub.ts';

const NORTH: Viewpoint = {
  everything: false,
  devices: ['core1'],
  resources: ['edge1/xe-0', 'site:north'],
  customers: ['acme'],
};

const CASES: readonly (readonly [EventKind, Readonly<Record<string, unknown>>, boolean])[] = [
  ['alarm', { resource: 'core1' }, true],
  ['alarm', { resource: 'core1/xe-7' }, true],
  ['alarm', { resource: 'edge1/xe-0' }, true],
  ['alarm', { resource: 'edge1/xe-1' }, false],
  ['alarm', { resource: 'edge1' }, false],
  ['alarm', {}, false],
  ['alarm', { resource: 'site:north' }, true],
  ['problem', { resource: 'site:north' }, true],
  ['problem', { resource: 'site:south' }, false],
  ['problem', { resource: 'edge1' }, false],
  ['event', { device: 'core1', interfaceKey: null }, true],
  ['event', { device: 'core1', interfaceKey: 'xe-7' }, true],
  ['event', { device: 'edge1', interfaceKey: 'xe-0' }, true],
  ['event', { device: 'edge1', interfaceKey: null }, false],
  ['event', { device: null, interfaceKey: null }, false],
  ['poll', { device: 'core1' }, true],
  ['poll', { device: 'edge1' }, false],
  ['device', { device: 'core1' }, true],
  ['device', { device: 'core10' }, false],
  ['applied', { agent: 'agent-1' }, false],
  ['resync', {}, true],
];

test.each(CASES)('%s of %j: %j', (kind, data, seen) => {
  expect(visibleEvents(NORTH)(kind, data)).toBe(seen);
  expect(visibleEvents(EVERYTHING)(kind, data)).toBe(true);
});

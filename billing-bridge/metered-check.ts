// What is wrong with what an item counts: units of another meter, gauges that are asked for what they cannot say, racks that there are not.
import type { PlanDocument, RackDocument, ServiceDocument } from './contract-schema.ts';
import { isGauge } from '../common/model/meter-class.ts';
import { meterClassOf } from './price-terms.ts';
import { rateUnitsOf, volumeUnitsOf } from './rate/unit.ts';
import type { ContractIssue } from './account/contract-issue.ts';
import { spreadRacks } from './account/racks.ts';

type Item = PlanDocument['items'][number];

/** `unit` has to be one of the class that is counted. */
export function meteredIssues(item: Item, path: readonly (string | number)[]): ContractIssue[] {
  if (!('unit' in item)) return [];
  const meterClass = meterClassOf(item.meter);
  const ranked = item.kind === 'percentile' || item.kind === 'demand';
  const units = ranked ? rateUnitsOf(meterClass) : volumeUnitsOf(meterClass);
  const found: ContractIssue[] = [];
  if (!units.includes(item.unit))
    found.push({
      path: [...path, 'unit'],
      code: 'unit_of_another_meter',
      message:
        units.length === 0
          ? `${meterClass} is counted by volume only (${volumeUnitsOf(meterClass).join(', ')})`
          : `${item.unit} is no unit of ${meterClass}: expected one of ${units.join(', ')}`,
    });
  if (typeof item.meter === 'object' && item.meter.integration === 'trapezoid' && !isGauge(meterClass))
    found.push({
      path: [...path, 'meter', 'integration'],
      code: 'meter_is_no_gauge',
      message: `${meterClass} is a counter: what it moved is the difference of its readings`,
    });
  return found;
}

export function rackIssues(
  services: readonly ServiceDocument[],
  racks: readonly RackDocument[],
  devices: ReadonlySet<string>,
): ContractIssue[] {
  const seen = new Set<string>();
  const found: ContractIssue[] = [];
  racks.forEach((rack, at) => {
    if (seen.has(rack.id))
      found.push({ path: ['racks', at, 'id'], code: 'duplicate', message: `${rack.id} stands here a second time` });
    seen.add(rack.id);
    rack.feeds.forEach(({ device }, feed) => {
      if (devices.size > 0 && !devices.has(device))
        found.push({
          path: ['racks', at, 'feeds', feed, 'device'],
          code: 'device_unknown',
          message: `there is no device ${device}`,
        });
    });
  });
  for (const { service, at, rack } of spreadRacks(services, racks).unknown)
    found.push({
      path: ['services', service, 'racks', at, 'rack'],
      code: 'rack_unknown',
      message: `there is no rack ${rack}`,
    });
  return found;
}

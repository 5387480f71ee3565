// Makes a row of a table of the model out of a row that a rule has read: pure functions.
import { holds, numberOf, type Row, textOf, textsOf } from './expression.ts';
import type {
  BgpPeerRule,
  EntityRule,
  MemoryRule,
  NeighbourRule,
  OutletRule,
  ProcessorRule,
  SensorReading,
  SensorRule,
  StorageRule,
} from './schema-rules.ts';
import { SENSOR_UNITS } from './sensor-classes.ts';

/** A row of a table of the model: texts and numbers by column name. */
export interface Line {
  /** Stands between the rule's name and the index where a row gives several lines. */
  readonly part?: string;
  /** Takes the place of the index. */
  readonly index?: string;
  readonly texts: Readonly<Record<string, string | null>>;
  readonly numbers: Readonly<Record<string, number>>;
}

export function processorLines(rule: ProcessorRule, row: Row): Line[] {
  const usagePercent = numberOf(rule.usage_percent, row);
  if (Number.isNaN(usagePercent)) return [];
  return [{ texts: { description: textOf(rule.description, row) }, numbers: { usagePercent } }];
}

/** Of memory and storage. */
export function sizeLines(rule: MemoryRule | StorageRule, row: Row): Line[] {
  const free = numberOf(rule.free_bytes, row);
  const percent = numberOf(rule.used_percent, row);
  let total = numberOf(rule.total_bytes, row);
  let used = numberOf(rule.used_bytes, row);
  if (Number.isNaN(total)) total = used + free;
  if (Number.isNaN(total)) total = (used * 100) / percent;
  if (Number.isNaN(total)) total = (free * 100) / (100 - percent);
  if (Number.isNaN(used)) used = total - free;
  if (Number.isNaN(used)) used = (total * percent) / 100;
  const texts = { description: textOf(rule.description, row) };
  if (total > 0 && Number.isFinite(total)) return [{ texts, numbers: { totalBytes: total, usedBytes: used } }];
  // Some devices say only how full it is.
  if (rule.total_bytes !== undefined || Number.isNaN(percent)) return [];
  return [{ texts, numbers: { totalBytes: Number.NaN, usedBytes: Number.NaN, usedPercent: percent } }];
}

export function sensorLines(rule: SensorRule, row: Row): Line[] {
  if (rule.readings.length === 0) return sensorLine(rule, rule, row);
  return rule.readings.flatMap((reading) => {
    if (!holds(reading.where, row)) return [];
    return sensorLine(rule, reading, row).map((line) => ({ ...line, part: reading.name }));
  });
}

function sensorLine(rule: SensorRule, reading: SensorRule | SensorReading, row: Row): Line[] {
  const value = numberOf(reading.value ?? rule.value, row);
  const kind = textOf(reading.class ?? rule.class, row);
  if (Number.isNaN(value) || kind === null) return [];
  const unit = reading.unit ?? rule.unit;
  const texts = {
    class: kind,
    description: textOf(reading.description ?? rule.description, row),
    unit: unit === undefined ? (SENSOR_UNITS[kind] ?? '') : textOf(unit, row),
    state: textOf(reading.state ?? rule.state, row),
  };
  const numbers = {
    value,
    lowLimit: numberOf(reading.low_limit ?? rule.low_limit, row),
    lowWarning: numberOf(reading.low_warning ?? rule.low_warning, row),
    highWarning: numberOf(reading.high_warning ?? rule.high_warning, row),
    highLimit: numberOf(reading.high_limit ?? rule.high_limit, row),
  };
  return [{ texts, numbers }];
}

export function neighbourLines(rule: NeighbourRule, row: Row, interfaceKey: (text: string) => string | null): Line[] {
  const candidates = textsOf(rule.local_interface, row);
  const key = candidates.map((text) => interfaceKey(text)).find((found) => found !== null);
  const remoteDevice = textOf(rule.remote_device, row);
  if (remoteDevice === null) return [];
  const texts = {
    localInterface: key ?? candidates.find((text) => !text.startsWith('#')) ?? null,
    remoteDevice,
    remotePort: textOf(rule.remote_port, row),
    protocol: textOf(rule.protocol, row),
  };
  // Few devices say them, and whoever says none has no column for them.
  const remoteDuplex = textOf(rule.remote_duplex, row);
  const vlans = { remoteVlan: numberOf(rule.remote_vlan, row), localVlan: numberOf(rule.local_vlan, row) };
  const numbers = Object.fromEntries(Object.entries(vlans).filter(([, value]) => value > 0));
  return [{ texts: remoteDuplex === null ? texts : { ...texts, remoteDuplex }, numbers }];
}

export function bgpPeerLines(rule: BgpPeerRule, row: Row): Line[] {
  const remoteAddress = textOf(rule.remote_address, row);
  if (remoteAddress === null) return [];
  const texts = {
    remoteAddress,
    localAddress: textOf(rule.local_address, row),
    state: textOf(rule.state, row),
    adminStatus: textOf(rule.admin_status, row),
  };
  const numbers = {
    remoteAs: numberOf(rule.remote_as, row),
    localAs: numberOf(rule.local_as, row),
    establishedSeconds: numberOf(rule.established_seconds, row),
  };
  return [{ index: remoteAddress, texts, numbers }];
}

export function outletLines(rule: OutletRule, row: Row): Line[] {
  const texts = { description: textOf(rule.description, row), state: textOf(rule.state, row) };
  const numbers = {
    currentAmperes: numberOf(rule.current_amperes, row),
    voltageVolts: numberOf(rule.voltage_volts, row),
    powerWatts: numberOf(rule.power_watts, row),
    energyWattHours: numberOf(rule.energy_watt_hours, row),
  };
  const says = texts.state !== null || Object.values(numbers).some((value) => !Number.isNaN(value));
  return says ? [{ texts, numbers }] : [];
}

export function entityLines(rule: EntityRule, row: Row): Line[] {
  const text = (field: EntityRule['class'] | undefined): string | null => textOf(field, row);
  const kind = text(rule.class);
  if (kind === null) return [];
  const texts = {
    class: kind,
    description: text(rule.description),
    name: text(rule.part_name),
    model: text(rule.model),
    serial: text(rule.serial),
    hardware: text(rule.hardware),
    firmware: text(rule.firmware),
    software: text(rule.software),
    containedIn: text(rule.contained_in),
  };
  return [{ texts, numbers: {} }];
}

// HOST-RESOURCES-MIB (RFC 2790), ENTITY-MIB (RFC 6933) and ENTITY-SENSOR-MIB (RFC 3433) of a simulated device.
import { oidContents, oidOf } from './ber.ts';
import { columnOf, integerColumn, textColumn } from './mib-columns.ts';
import { type MibColumn, Rows } from './mib-view.ts';
import type { DeviceDefinition } from './network.ts';
import { memoryAt, type Network, processorAt, sensorAt } from './truth.ts';

const HR = '1.3.6.1.2.1.25';
const RAM = '1.3.6.1.2.1.25.2.1.2';
const FIXED_DISK = '1.3.6.1.2.1.25.2.1.4';
const DEVICE_PROCESSOR = '1.3.6.1.2.1.25.3.1.3';
const FIRST_PROCESSOR = 196_608;
const MEMORY_UNIT = 4096;
const DISK_PERCENT = 37;
const RUNNING = 2;

const ENTITY = '1.3.6.1.2.1.47.1.1.1.1';
const SENSOR = '1.3.6.1.2.1.99.1.1.1';
const CHASSIS_INDEX = 1;
const FIRST_SENSOR = 1_000;
const CHASSIS_CLASS = 3;
const SENSOR_CLASS = 8;
const SENSOR_OK = 1;

export function hostResources(network: Network, device: DeviceDefinition): MibColumn[] {
  return [...storage(network, device), ...processors(network, device)];
}

function storage(network: Network, device: DeviceDefinition): MibColumn[] {
  const places = [
    { index: 1, type: RAM, name: 'Physical memory', bytes: device.memoryBytes, unit: MEMORY_UNIT },
    { index: 31, type: FIXED_DISK, name: '/', bytes: device.diskBytes, unit: MEMORY_UNIT },
  ].filter((place) => place.bytes > 0);
  const rows = new Rows(places.map((place) => [place.index]));
  const types = places.map((place) => oidContents(oidOf(place.type)));
  const sizes = places.map((place) => Math.floor(place.bytes / place.unit));
  return [
    integerColumn(
      `${HR}.2.3.1.1`,
      rows,
      places.map((place) => place.index),
    ),
    columnOf(`${HR}.2.3.1.2`, rows, types, (type, _instant, out) => out.oid(type)),
    textColumn(
      `${HR}.2.3.1.3`,
      rows,
      places.map((place) => place.name),
    ),
    integerColumn(
      `${HR}.2.3.1.4`,
      rows,
      places.map((place) => place.unit),
    ),
    integerColumn(`${HR}.2.3.1.5`, rows, sizes),
    columnOf(`${HR}.2.3.1.6`, rows, places, (place, instant, out) => {
      const percent = place.type === RAM ? memoryAt(network, device, instant.tick) : DISK_PERCENT;
      out.integer(Math.floor((Math.floor(place.bytes / place.unit) * percent) / 100));
    }),
  ];
}

function processors(network: Network, device: DeviceDefinition): MibColumn[] {
  const numbers = Array.from({ length: device.processors }, (_, at) => at);
  const rows = new Rows(numbers.map((at) => [FIRST_PROCESSOR + at]));
  const type = oidContents(oidOf(DEVICE_PROCESSOR));
  return [
    integerColumn(
      `${HR}.3.2.1.1`,
      rows,
      numbers.map((at) => FIRST_PROCESSOR + at),
    ),
    columnOf(`${HR}.3.2.1.2`, rows, numbers, (_at, _instant, out) => out.oid(type)),
    textColumn(
      `${HR}.3.2.1.3`,
      rows,
      numbers.map((at) => `Processor ${at + 1}`),
    ),
    columnOf(`${HR}.3.2.1.5`, rows, numbers, (_at, _instant, out) => out.integer(RUNNING)),
    columnOf(`${HR}.3.3.1.2`, rows, numbers, (at, instant, out) =>
      out.integer(processorAt(network, device, at, instant.tick)),
    ),
  ];
}

export function entities(network: Network, device: DeviceDefinition): MibColumn[] {
  const { sensors, model } = device;
  const sensorRows = new Rows(sensors.map((_, at) => [FIRST_SENSOR + at]));
  const numbers = sensors.map((_, at) => at);
  return [
    ...physical(device),
    integerColumn(
      `${SENSOR}.1`,
      sensorRows,
      sensors.map((one) => one.type),
    ),
    integerColumn(
      `${SENSOR}.2`,
      sensorRows,
      sensors.map((one) => one.scale),
    ),
    integerColumn(
      `${SENSOR}.3`,
      sensorRows,
      sensors.map((one) => one.precision),
    ),
    columnOf(`${SENSOR}.4`, sensorRows, numbers, (at, instant, out) =>
      out.integer(sensorAt(network, device, at, instant.tick)),
    ),
    integerColumn(
      `${SENSOR}.5`,
      sensorRows,
      sensors.map(() => SENSOR_OK),
    ),
    textColumn(
      `${SENSOR}.6`,
      sensorRows,
      sensors.map((one) => `${one.name} of ${model.model}`),
    ),
  ];
}

/** entPhysicalTable: the chassis, and the sensors in it. */
function physical({ sensors, model, serial, name }: DeviceDefinition): MibColumn[] {
  const rows = new Rows([[CHASSIS_INDEX], ...sensors.map((_, at) => [FIRST_SENSOR + at])]);
  const texts = (column: number, chassis: string, ofSensor: (sensor: string) => string): MibColumn =>
    textColumn(`${ENTITY}.${column}`, rows, [chassis, ...sensors.map((one) => ofSensor(one.name))]);
  const integers = (column: number, chassis: number, ofSensor: number): MibColumn =>
    integerColumn(`${ENTITY}.${column}`, rows, [chassis, ...sensors.map(() => ofSensor)]);
  const nothing = (): string => '';
  return [
    texts(2, `${model.model} chassis`, (sensor) => sensor),
    integers(4, 0, CHASSIS_INDEX),
    integers(5, CHASSIS_CLASS, SENSOR_CLASS),
    texts(7, name, (sensor) => sensor),
    texts(8, 'A', nothing),
    texts(10, model.software, nothing),
    texts(11, serial, nothing),
    texts(12, model.vendor, nothing),
    texts(13, model.model, nothing),
  ];
}

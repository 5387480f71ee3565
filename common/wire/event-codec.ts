// One device event in a batch; its place in the format stands in batch-format.ts.
import { type DeviceEvent, EVENT_LIMITS, type EventOrigin } from '../model/event.ts';
import { type ByteReader, type ByteWriter, type ListBound, list, unreadable } from './bytes.ts';
import { textAt, type Texts, type TextTable } from './column-codec.ts';

const DETAILS: ListBound = { least: 2, most: EVENT_LIMITS.details, memory: 64 };
const ORIGINS: readonly EventOrigin[] = ['trap', 'inform', 'agent', 'work'];

export function writeEvent(writer: ByteWriter, texts: TextTable, event: DeviceEvent, created: number): void {
  const optional = (text: string | null): void => writer.varint(text === null ? 0 : texts.place(text) + 1);
  writer.varint(texts.place(event.id));
  optional(event.device);
  optional(event.source);
  writer.byte(ORIGINS.indexOf(event.origin));
  writer.varint(texts.place(event.name));
  writer.signed(event.observedAtMs - created);
  writer.varint(event.uptimeTicks === null ? 0 : event.uptimeTicks + 1);
  optional(event.interfaceKey);
  writer.count(event.details.length, DETAILS);
  for (const { name, value } of event.details) {
    writer.varint(texts.place(name));
    writer.varint(texts.place(value));
  }
}

export function readEvent(reader: ByteReader, texts: Texts, created: number): DeviceEvent {
  const text = (): string => textAt(texts, reader.varint());
  const optional = (): string | null => {
    const place = reader.varint();
    return place === 0 ? null : textAt(texts, place - 1);
  };
  const id = text();
  const device = optional();
  const source = optional();
  const origin = ORIGINS[reader.byte()];
  if (origin === undefined) throw unreadable('an event has an origin that does not exist');
  const name = text();
  const observedAtMs = created + reader.signed();
  const uptime = reader.varint();
  if (uptime > 2 ** 32) throw unreadable('a clock is out of range');
  const interfaceKey = optional();
  const details = list(reader, DETAILS, () => ({ name: text(), value: text() }));
  return {
    id,
    device,
    source,
    origin,
    name,
    observedAtMs,
    uptimeTicks: uptime === 0 ? null : uptime - 1,
    interfaceKey,
    details,
  };
}

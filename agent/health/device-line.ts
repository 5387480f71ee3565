// What /devices and /devices/NAME say of a device: the scheduler's words, with where the device is and what its failure means.
import { isoTime } from '../../common/model/time.ts';
import { ERROR_TABLE, type ErrorCode } from '../../common/runtime/error-table.ts';
import type { DeviceExplanation, DeviceReport, VisitExplanation } from '../poll/explanation.ts';
import type { HostPort } from '../snmp/address.ts';

/** Where a device is, and by which credential set it is reached: the name of the set, never what is in it; null for ping alone. */
interface Where {
  readonly address: string | null;
  readonly credential: string | null;
}

export interface DeviceLine extends Omit<DeviceReport, 'lastPollAtMs'>, Where {
  /** ISO 8601. */
  readonly lastPollAt: string | null;
  readonly nextDueAt: string;
  /** Of the failure, with what to do about it. */
  readonly meaning: string | null;
}

export interface DevicePage extends DeviceLine {
  readonly lastPoll: (Omit<VisitExplanation, 'startedAtMs' | 'clockSeenAtMs'> & LastPollTimes) | null;
}

interface LastPollTimes {
  readonly startedAt: string;
  /** When the device was asked for its time. */
  readonly clockSeenAt: string | null;
}

interface ConfiguredDevice {
  readonly address: HostPort;
  readonly credentialName: string;
}

export function deviceLine(report: DeviceReport, device: ConfiguredDevice | undefined, nowMs: number): DeviceLine {
  const { lastPollAtMs, ...rest } = report;
  const entry = isErrorCode(report.failure) ? ERROR_TABLE[report.failure] : null;
  return {
    ...rest,
    address: device === undefined ? null : addressText(device.address),
    credential: device === undefined || device.credentialName === '' ? null : device.credentialName,
    lastPollAt: lastPollAtMs === null ? null : isoTime(lastPollAtMs),
    nextDueAt: isoTime(nowMs + report.nextDueInMs),
    meaning: entry === null ? null : `${entry.meaning} ${entry.remedy}`.trim(),
  };
}

export function devicePage(
  explanation: DeviceExplanation,
  device: ConfiguredDevice | undefined,
  nowMs: number,
): DevicePage {
  const { lastPoll, ...report } = explanation;
  return { ...deviceLine(report, device, nowMs), lastPoll: lastPoll === null ? null : withTimes(lastPoll) };
}

function withTimes(visit: VisitExplanation): DevicePage['lastPoll'] {
  const { startedAtMs, clockSeenAtMs, ...rest } = visit;
  const clockSeenAt = clockSeenAtMs === null ? null : isoTime(clockSeenAtMs);
  return { ...rest, startedAt: isoTime(startedAtMs), clockSeenAt };
}

function isErrorCode(text: string | null): text is ErrorCode {
  return text !== null && Object.hasOwn(ERROR_TABLE, text);
}

function addressText({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

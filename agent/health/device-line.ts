// A line of /devices: the scheduler's report, with where the device is and what its failure means.
import { ERROR_TABLE, type ErrorCode } from '../../common/runtime/error-table.ts';
import type { DeviceReport } from '../poll/explanation.ts';
import type { HostPort } from '../snmp/address.ts';

export interface DeviceLine extends Omit<DeviceReport, 'lastPollAtMs'> {
  readonly address: string | null;
  /** Name of the credential set; never what is in it. */
  readonly credential: string | null;
  /** ISO 8601. */
  readonly lastPollAt: string | null;
  /** Of the failure, with what to do about it. */
  readonly meaning: string | null;
}

export function deviceLine(
  report: DeviceReport,
  device: { readonly address: HostPort; readonly credentialName: string } | undefined,
): DeviceLine {
  const { lastPollAtMs, ...rest } = report;
  const entry = isErrorCode(report.failure) ? ERROR_TABLE[report.failure] : null;
  return {
    ...rest,
    address: device === undefined ? null : addressText(device.address),
    credential: device?.credentialName ?? null,
    lastPollAt: lastPollAtMs === null ? null : new Date(lastPollAtMs).toISOString(),
    meaning: entry === null ? null : `${entry.meaning} ${entry.remedy}`.trim(),
  };
}

function isErrorCode(text: string | null): text is ErrorCode {
  return text !== null && text in ERROR_TABLE;
}

function addressText({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

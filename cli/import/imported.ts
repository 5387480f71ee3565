// What an export holds, in the words of the configuration: devices, the credential sets they need, and what was left out and why.
import { WeirError } from '../../common/runtime/errors.ts';
import type { CredentialConfiguration, DeviceConfiguration } from '../../common/runtime/device-configuration.ts';

export const SOURCES = ['csv', 'librenms', 'netbox'] as const;
export type Source = (typeof SOURCES)[number];

/** The keys of a device that an export can give. */
export type DeviceKeys = Pick<
  DeviceConfiguration,
  'name' | 'address' | 'agent' | 'site' | 'interval_ms' | 'parents' | 'snmp'
> & {
  /** Absent where `snmp` is false. */
  readonly credential?: string;
};

export interface ImportedDevice {
  /** Where in the export: `line 3`, `device 7`. */
  readonly place: string;
  readonly keys: DeviceKeys;
}

export interface Skipped {
  readonly place: string;
  readonly name: string;
  readonly reason: string;
}

export interface Imported {
  readonly devices: readonly ImportedDevice[];
  readonly skipped: readonly Skipped[];
  /** Sets whose secrets stand in the export, by the names that devices call them: kept in memory only. */
  readonly sets: ReadonlyMap<string, CredentialConfiguration>;
  /** Whether the export gives names of its own, rather than host names that were made into names. */
  readonly named: boolean;
  readonly notes: readonly string[];
}

export interface ImportOptions {
  /** The set of every device, whatever the export says. */
  readonly credential: string | null;
  readonly agent: string | null;
}

export interface ImportIssue {
  readonly line: number;
  readonly message: string;
}

/** The export is not what it is said to be; the message names the first line, `detail.issues` has all. Nothing of the export is quoted: it may be a secret. */
export function unreadable(file: string, issues: readonly ImportIssue[]): WeirError {
  const [first] = issues;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return new WeirError('import_unreadable', `${file}:${first?.line ?? 1}: ${first?.message ?? ''}${more}.`, {
    file,
    issues,
  });
}

// How a webhook proves where it comes from: HMAC-SHA256 over the time and the body, so that neither is changed nor sent again much later.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { DurationMs, EpochMs } from '../model/time.ts';

export const SIGNATURE_HEADER = 'weir-signature';

/** `t=SECONDS,v1=HEX` over `SECONDS.BODY`. */
export function signatureOf(secret: string, body: string, atMs: EpochMs): string {
  const seconds = Math.floor(atMs / 1000);
  return `t=${seconds},v1=${digestOf(secret, body, seconds)}`;
}

/** For receivers: whether the header belongs to the body, and is not older than that. */
export function signatureHolds(
  header: string,
  secret: string,
  body: string,
  { nowMs, mostMs }: { readonly nowMs: EpochMs; readonly mostMs: DurationMs },
): boolean {
  const match = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header);
  if (match === null) return false;
  const seconds = Number(match[1]);
  if (Math.abs(nowMs - seconds * 1000) > mostMs) return false;
  return timingSafeEqual(Buffer.from(match[2] ?? '', 'hex'), Buffer.from(digestOf(secret, body, seconds), 'hex'));
}

function digestOf(secret: string, body: string, seconds: number): string {
  return createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
}

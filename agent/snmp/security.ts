// What the messages of one device are made and opened by; here by community (RFC 1157, RFC 1901), by user in user-security.ts.
import { encodeCommunityMessage, type SnmpMessage } from './message.ts';
import { PDU, type Pdu, type PduRequest } from './pdu.ts';

export interface MessageSecurity {
  /** As on the wire: 0, 1 or 3. */
  readonly version: 0 | 1 | 3;
  /** Whether an answer that was opened proves by its digest who sent it. */
  readonly proves: boolean;
  /** What must be waited for before a request can be made (keys), or null; rejects with coded errors. */
  prepare(): Promise<void> | null;
  /** The request that must go out before any other, or null. */
  discovery(): Omit<PduRequest, 'requestId'> | null;
  encode(request: PduRequest, discovering: boolean): Uint8Array;
  /** The PDU of an answer to the request of that id, or null where it must not be believed. */
  open(message: SnmpMessage, id: number): Pdu | null;
  /** Takes in what a report says, so that sending again can work; throws or rejects with the coded error where it cannot. */
  learnFromReport(pdu: Pdu): void | Promise<void>;
  /** All retries are over without an answer: what that means. */
  silence(): 'snmp_timeout' | 'snmp_silent_after_discovery';
}

export class CommunitySecurity implements MessageSecurity {
  readonly version: 0 | 1;
  readonly proves = false;
  readonly #community: Uint8Array;

  constructor(version: 0 | 1, community: string) {
    this.version = version;
    // A copy of its own: a small Buffer lies in a pool of 8 KB, which one for each device would keep.
    this.#community = Uint8Array.from(Buffer.from(community, 'utf8'));
  }

  prepare(): null {
    return null;
  }

  discovery(): null {
    return null;
  }

  encode(request: PduRequest): Uint8Array {
    return encodeCommunityMessage(this.version, this.#community, request);
  }

  /** The community of the answer is not compared: some agents answer with another one, and it proves nothing. */
  open(message: SnmpMessage): Pdu | null {
    if (message.version !== this.version || message.pdu.type !== PDU.response) return null;
    return message.pdu;
  }

  learnFromReport(): never {
    throw new Error('BUG: a report in a community message');
  }

  silence(): 'snmp_timeout' {
    return 'snmp_timeout';
  }
}

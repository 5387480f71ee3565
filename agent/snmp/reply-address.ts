// Whether answers of one device may come from another address than it was asked at: high-availability pairs and multi-homed routers do that.
import { isIPv6 } from 'node:net';

export interface Source {
  readonly address: string;
  readonly port: number;
}

/** Answers in a row from the same other address, each under an id of ours nobody could foresee, while the asked address says nothing. */
const ANSWERS_TO_LEARN = 3;

interface Learnt {
  readonly address: string;
  /** Null where the answers came from changing ports. */
  readonly port: number | null;
}

/**
 * One more address is learnt per device, never two. Whoever can read our requests on their way could as well forge the asked address,
 * so learning gives nothing away; it is told by an event all the same, and a device may be set to `strict`.
 */
export class ReplyAddress {
  readonly mode: 'learn' | 'strict';
  readonly #onLearnt: (asked: Source, learnt: Source) => void;
  #asked: string | null = null;
  #learnt: Learnt | null = null;
  #candidate: Source | null = null;
  #answers = 0;
  #lastId = 0;

  constructor(mode: 'learn' | 'strict', onLearnt: (asked: Source, learnt: Source) => void) {
    this.mode = mode;
    this.#onLearnt = onLearnt;
  }

  /** ADDRESS or ADDRESS:PORT of the other address; null where none was learnt. */
  get learnt(): string | null {
    if (this.#learnt === null) return null;
    const { address, port } = this.#learnt;
    return port === null ? address : placeText({ address, port });
  }

  /** The asked address answered itself. */
  answeredItself(): void {
    this.#candidate = null;
    this.#answers = 0;
  }

  /**
   * Whether an answer from elsewhere is to be taken. It carries an open id of ours and could be opened;
   * `id`: that of the request, so that a repeated datagram counts once; `proven`: its digest shows that it comes from the device.
   */
  admits(asked: Source, from: Source, id: number, proven: boolean): boolean {
    if (this.mode === 'strict') return false;
    if (this.#asked !== asked.address) this.#forget(asked.address);
    const learnt = this.#learnt;
    if (learnt !== null && learnt.address === from.address && (learnt.port ?? from.port) === from.port) return true;
    const repeated = this.#candidate?.address === from.address;
    if (repeated && this.#lastId === id && !proven) return false;
    this.#lastId = id;
    this.#answers = repeated ? this.#answers + 1 : 1;
    const samePort = !repeated || this.#candidate?.port === from.port;
    this.#candidate = from;
    if (!proven && this.#answers < ANSWERS_TO_LEARN) return false;
    this.#learn(asked, from, samePort && learnt?.address !== from.address);
    return true;
  }

  #learn(asked: Source, from: Source, samePort: boolean): void {
    const known = this.#learnt?.address === from.address;
    this.#learnt = { address: from.address, port: samePort ? from.port : null };
    this.answeredItself();
    if (!known) this.#onLearnt(asked, from);
  }

  /** The device moved: what was learnt was of the address before. */
  #forget(asked: string): void {
    this.#asked = asked;
    this.#learnt = null;
    this.answeredItself();
  }
}

/** ADDRESS:PORT or [IPv6]:PORT. */
export function placeText({ address, port }: Source): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

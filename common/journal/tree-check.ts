// Walks the trees of a journal file before LMDB maps it: LMDB believes every page, and one that is garbage ends the process or hides entries.

/** A tree as a meta page tells it (lmdb.h, MDB_db). */
export interface Tree {
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** Null: the tree is empty. */
  readonly root: number | null;
}

export interface Snapshot {
  readonly pageSize: number;
  /** Pages that LMDB has given out, the two meta pages included. */
  readonly pages: number;
  readonly transaction: bigint;
  readonly free: Tree;
  readonly main: Tree;
}

/** Bytes of the file; fewer where it ends before. */
export type ReadBytes = (at: number, length: number) => Buffer;

export const TREE_BYTES = 48;
const HEADER_BYTES = 24;
const FLAGS_AT = 18;
const LOWER_AT = 20;
const UPPER_AT = 22;
const OVERFLOW_PAGES_AT = 20;
const META_PAGES = 2;
// Flags of pages and of the nodes in them.
const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
const KINDS = BRANCH | LEAF | OVERFLOW | 0x08 | 0x20 | 0x40;
const BIG_DATA = 0x01;
const SUB_TREE = 0x02;
const NODE_BYTES = 8;
const OVERFLOW_REFERENCE_BYTES = 24;
const MOST_DEPTH = 32;
const NO_ROOT = 0xffff_ffff_ffff_ffffn;

/** What is wrong with the file, in words; null where every page in use is one, is used once and is not free, keys are in order, and counts agree. */
export function damageOf(snapshot: Snapshot, read: ReadBytes): string | null {
  try {
    const walk = new TreeWalk(snapshot, read);
    const free: Buffer[] = [];
    walk.tree(snapshot.free, byNumber, ({ data }) => void free.push(data()));
    walk.tree(snapshot.main, bytewise, ({ flags, data }) => {
      if ((flags & SUB_TREE) !== 0) walk.tree(treeAt(data(), 0), bytewise, () => undefined);
    });
    for (const list of free) walk.freePages(list);
    return null;
  } catch (error) {
    if (error instanceof Damage) return error.message;
    throw error;
  }
}

export function treeAt(bytes: Buffer, at: number): Tree {
  if (bytes.length < at + TREE_BYTES) throw new Damage('a tree is told in too few bytes');
  const root = bytes.readBigUInt64LE(at + 40);
  const number = (offset: number): number => Number(bytes.readBigUInt64LE(at + offset));
  return {
    depth: bytes.readUInt16LE(at + 6),
    branchPages: number(8),
    leafPages: number(16),
    overflowPages: number(24),
    entries: number(32),
    root: root === NO_ROOT ? null : Number(root),
  };
}

class Damage extends Error {}

type Order = (a: Buffer, b: Buffer) => number;

interface Entry {
  readonly flags: number;
  readonly data: () => Buffer;
}

interface TreeNode {
  readonly key: Buffer;
  readonly flags: number;
  /** Of a branch. */
  readonly child: number;
  /** Of a leaf: how long the value is, wherever it lies, and what stands in the page. */
  readonly size: number;
  readonly inPage: Buffer;
}

/** One tree while it is walked. */
interface Walked {
  readonly order: Order;
  readonly onEntry: (entry: Entry) => void;
  readonly counts: { branchPages: number; leafPages: number; overflowPages: number; entries: number };
  lastKey: Buffer | null;
}

class TreeWalk {
  readonly #snapshot: Snapshot;
  readonly #read: ReadBytes;
  /** Pages met. */
  readonly #met: Uint8Array;

  constructor(snapshot: Snapshot, read: ReadBytes) {
    this.#snapshot = snapshot;
    this.#read = read;
    this.#met = new Uint8Array(snapshot.pages);
  }

  tree(tree: Tree, order: Order, onEntry: (entry: Entry) => void): void {
    const counts = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
    if (tree.depth > MOST_DEPTH) throw new Damage('a tree is deeper than trees are');
    if (tree.root !== null) this.#page(tree.root, tree.depth, null, { order, onEntry, counts, lastKey: null });
    for (const name of ['branchPages', 'leafPages', 'overflowPages', 'entries'] as const)
      if (counts[name] !== tree[name])
        throw new Damage(`a tree has ${counts[name]} ${name} where ${tree[name]} are told`);
  }

  /** A record of the list of free pages: how many numbers, then pages; a negative number says how many follow one another from the next. */
  freePages(list: Buffer): void {
    const count = list.length < 8 ? -1 : Number(list.readBigInt64LE(0));
    if (count < 0 || count > list.length / 8 - 1) throw new Damage('the list of free pages is longer than its record');
    for (let at = 1; at <= count; at += 1) {
      const entry = Number(list.readBigInt64LE(at * 8));
      if (entry === 0) continue;
      if (entry < 0) at += 1;
      if (at > count) throw new Damage('the list of free pages ends in the middle');
      this.#take(Number(list.readBigInt64LE(at * 8)), entry < 0 ? -entry : 1);
    }
  }

  /** `low`: no key in it is before this one. */
  #page(page: number, depth: number, low: Buffer | null, tree: Walked): void {
    const bytes = this.#pageAt(page, 1, this.#snapshot.pageSize);
    const isLeaf = depth <= 1;
    if ((bytes.readUInt16LE(FLAGS_AT) & KINDS) !== (isLeaf ? LEAF : BRANCH)) throw otherKind(page);
    tree.counts[isLeaf ? 'leafPages' : 'branchPages'] += 1;
    let least = low;
    for (const [at, node] of nodesOf(bytes, page, isLeaf).entries()) {
      // The first key of a branch is not told: it is whatever its parent says.
      if (isLeaf || at > 0) {
        const early = least !== null && tree.order(node.key, least) < 0;
        if (early || (tree.lastKey !== null && tree.order(tree.lastKey, node.key) >= 0))
          throw new Damage(`page ${page} is not in order`);
        least = isLeaf ? null : node.key;
      }
      if (isLeaf) this.#entry(page, node, tree);
      else this.#page(node.child, depth - 1, least, tree);
    }
  }

  #entry(page: number, node: TreeNode, tree: Walked): void {
    if ((node.flags & ~(BIG_DATA | SUB_TREE)) !== 0) throw otherKind(page);
    tree.lastKey = node.key;
    tree.counts.entries += 1;
    if ((node.flags & BIG_DATA) === 0) return tree.onEntry({ flags: node.flags, data: () => node.inPage });
    const { pageSize } = this.#snapshot;
    const first = pageNumber(node.inPage, 0);
    const pages = Math.floor((HEADER_BYTES - 1 + node.size) / pageSize) + 1;
    const head = this.#pageAt(first, pages, HEADER_BYTES);
    if ((head.readUInt16LE(FLAGS_AT) & KINDS) !== OVERFLOW || head.readUInt32LE(OVERFLOW_PAGES_AT) !== pages)
      throw otherKind(first);
    tree.counts.overflowPages += pages;
    // What is in them is the business of checksums; only the list of free pages is read here.
    tree.onEntry({ flags: node.flags, data: () => this.#read(first * pageSize + HEADER_BYTES, node.size) });
  }

  /** The beginning of a page, or of several that are one. */
  #pageAt(page: number, pages: number, length: number): Buffer {
    this.#take(page, pages);
    const { pageSize, transaction } = this.#snapshot;
    const bytes = this.#read(page * pageSize, length);
    if (bytes.length < length || this.#read((page + pages) * pageSize - 1, 1).length < 1)
      throw new Damage(`page ${page} is behind the end of the file`);
    if (pageNumber(bytes, 0) !== page || bytes.readBigUInt64LE(8) > transaction)
      throw new Damage(`page ${page} is not what was written there`);
    return bytes;
  }

  #take(page: number, pages: number): void {
    if (!(page >= META_PAGES && page + pages <= this.#snapshot.pages)) throw new Damage(`there is no page ${page}`);
    for (let at = page; at < page + pages; at += 1) {
      if (this.#met[at] !== 0) throw new Damage(`page ${at} is used twice`);
      this.#met[at] = 1;
    }
  }
}

function nodesOf(page: Buffer, number: number, isLeaf: boolean): TreeNode[] {
  const [lower, upper] = [page.readUInt16LE(LOWER_AT), page.readUInt16LE(UPPER_AT)];
  const room = page.length - HEADER_BYTES;
  const broken = (): Damage => new Damage(`page ${number} has entries outside itself`);
  if (lower % 2 !== 0 || lower === 0 || lower > upper || upper > room) throw broken();
  return Array.from({ length: lower / 2 }, (_, at) => {
    const start = page.readUInt16LE(HEADER_BYTES + at * 2);
    if (start < upper || start + NODE_BYTES > room) throw broken();
    const node = page.subarray(HEADER_BYTES + start);
    const [low, flags, keyLength] = [node.readUInt32LE(0), node.readUInt16LE(4), node.readUInt16LE(6)];
    const inPage = !isLeaf ? 0 : (flags & BIG_DATA) === 0 ? low : OVERFLOW_REFERENCE_BYTES;
    const dataAt = NODE_BYTES + keyLength;
    if (dataAt + inPage > node.length) throw broken();
    return {
      key: node.subarray(NODE_BYTES, dataAt),
      flags,
      child: isLeaf ? 0 : low + flags * 2 ** 32,
      size: low,
      inPage: node.subarray(dataAt, dataAt + inPage),
    };
  });
}

function bytewise(a: Buffer, b: Buffer): number {
  return Buffer.compare(a, b);
}

/** Keys of the list of free pages are transactions. */
function byNumber(a: Buffer, b: Buffer): number {
  if (a.length !== 8 || b.length !== 8) throw new Damage('the list of free pages has a key that is no transaction');
  return Number(a.readBigUInt64LE() - b.readBigUInt64LE());
}

/** Beyond 2^53 it is rounded, and then there is no such page anyway. */
function pageNumber(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function otherKind(page: number): Damage {
  return new Damage(`page ${page} is of another kind than it should be`);
}

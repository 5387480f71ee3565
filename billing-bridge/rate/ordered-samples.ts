// Samples of which a few ranks are wanted: of thousands of doubles one is selected in a tenth of the time that sorting them takes. Pure.

/** So many partitions are more than any series but a contrived one needs; what is left then is sorted. */
const MOST_PARTITIONS = 60;

export class OrderedSamples {
  readonly #samples: Float64Array | bigint[];
  #sorted = false;

  /** The samples become its own. */
  constructor(samples: Float64Array | bigint[]) {
    this.#samples = samples;
  }

  get count(): number {
    return this.#samples.length;
  }

  /** The sample at a rank from the lowest, 1 is the lowest. */
  at(rank: number): number | bigint {
    const samples = this.#samples;
    if (samples instanceof Float64Array) return selectPlace(samples, rank - 1);
    if (!this.#sorted) samples.sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
    this.#sorted = true;
    return samples[rank - 1] ?? 0n;
  }
}

/** What would stand at a place if the values were sorted (Hoare's selection). The order of the values changes. */
export function selectPlace(values: Float64Array, place: number): number {
  let low = 0;
  let high = values.length - 1;
  for (let partitions = 0; low < high; partitions += 1) {
    if (partitions === MOST_PARTITIONS) {
      values.subarray(low, high + 1).sort();
      break;
    }
    const pivot = middleOf(values[low] ?? 0, values[(low + high) >> 1] ?? 0, values[high] ?? 0);
    let left = low;
    let right = high;
    while (left <= right) {
      let lower = values[left] ?? 0;
      while (lower < pivot) {
        left += 1;
        lower = values[left] ?? 0;
      }
      let higher = values[right] ?? 0;
      while (higher > pivot) {
        right -= 1;
        higher = values[right] ?? 0;
      }
      if (left > right) break;
      values[left] = higher;
      values[right] = lower;
      left += 1;
      right -= 1;
    }
    if (place <= right) high = right;
    else if (place >= left) low = left;
    // Between the two parts all are the pivot.
    else break;
  }
  return values[place] ?? 0;
}

function middleOf(one: number, two: number, three: number): number {
  return Math.max(Math.min(one, two), Math.min(Math.max(one, two), three));
}

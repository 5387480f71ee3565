// Questions for long series, cut into pieces. Pure.

/** Points that one answer has at most. */
const MOST_POINTS = 4800;

/** A question for a series as so many of the same, each with as many points as one answer has, cut on the grid of its steps. */
export function piecesOf(path: string): readonly string[] {
  const [place = '', text = ''] = path.split('?');
  const query = new URLSearchParams(text);
  const [from, to] = ['from', 'to'].map((end) => Date.parse(query.get(end) ?? '')) as [number, number];
  const stepMs = Number(query.get('step_ms'));
  if (!(stepMs > 0) || !((to - from) / stepMs > MOST_POINTS)) return [path];
  const pieces: string[] = [];
  for (let begin = from; begin < to; ) {
    const end = Math.min(to, Math.floor(begin / stepMs) * stepMs + MOST_POINTS * stepMs);
    query.set('from', new Date(begin).toISOString());
    query.set('to', new Date(end).toISOString());
    pieces.push(`${place}?${query.toString()}`);
    begin = end;
  }
  return pieces;
}

// The rows as a table for a person. Pure.
import { figureText, type Report, type Row } from './rows.ts';

const HEAD = ['', 'Weir', 'peer', 'peer', 'ratio', 'goal', ''];
const RIGHT = [1, 2, 4];

export function tableText({ rows, goal_met }: Report): string {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  const text = lines.flatMap((line, number) => {
    const padded = line.map((cell, at) =>
      RIGHT.includes(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
    );
    const note = rows[number - 1]?.note;
    return [padded.join('  ').trimEnd(), ...(note === undefined ? [] : [`    ${note}`])];
  });
  const missed = rows.filter((row) => !row.goal_met).length;
  const verdict = goal_met ? 'Every goal is met.' : `${missed} of ${rows.length} rows miss their goal.`;
  return [...text, '', verdict].join('\n');
}

function cells(row: Row): string[] {
  const verdict = row.goal === null ? '' : row.goal_met ? 'met' : 'MISSED';
  return [
    row.what,
    figureText(row.weir),
    figureText(row.peer_figure),
    row.peer ?? '',
    row.ratio === null ? '' : figureText(row.ratio),
    row.goal ?? '',
    verdict,
  ];
}

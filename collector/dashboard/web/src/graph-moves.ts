// How a graph is moved: shift and drag, the arrow keys, the wheel with Ctrl. The span that comes of it is the view's to keep.
import type uPlot from 'uplot';
import { type Ends, moved, stretched } from './span-moves.ts';

export interface Moves {
  /** The span that is shown; null where a graph is not moved. */
  readonly span: () => Ends | null;
  readonly to: (ends: Ends) => void;
}

/** Shift and drag takes the graph along, and lets go of it where it then is. */
function watchDrag(plot: uPlot, { span, to }: Moves): () => void {
  const { over } = plot;
  const pressed = (down: MouseEvent): void => {
    const held = span();
    if (!down.shiftKey || down.button !== 0 || held === null) return;
    down.preventDefault();
    down.stopImmediatePropagation();
    const { min = 0, max = 0 } = plot.scales['x'] ?? {};
    const part = (event: MouseEvent): number => (down.clientX - event.clientX) / over.clientWidth;
    const move = (event: MouseEvent): void => {
      const by = ((max ?? 0) - (min ?? 0)) * part(event);
      plot.setScale('x', { min: (min ?? 0) + by, max: (max ?? 0) + by });
    };
    const release = (event: MouseEvent): void => {
      removeEventListener('mousemove', move);
      removeEventListener('mouseup', release);
      to(moved(held, part(event), Date.now()));
    };
    addEventListener('mousemove', move);
    addEventListener('mouseup', release);
  };
  over.addEventListener('mousedown', pressed, { capture: true });
  return () => over.removeEventListener('mousedown', pressed, { capture: true });
}

/** Without Ctrl the wheel is the page's. */
function watchWheel(plot: uPlot, { span, to }: Moves): () => void {
  const { over } = plot;
  const turned = (event: WheelEvent): void => {
    const held = span();
    if (!event.ctrlKey || held === null) return;
    event.preventDefault();
    const around = plot.posToVal(event.clientX - over.getBoundingClientRect().left, 'x') * 1000;
    to(stretched(held, event.deltaY > 0 ? 1.5 : 1 / 1.5, around, Date.now()));
  };
  over.addEventListener('wheel', turned, { passive: false });
  return () => over.removeEventListener('wheel', turned);
}

/** Returns the end of it. */
export function watchMoves(plot: uPlot, moves: Moves): () => void {
  const ends = [watchDrag(plot, moves), watchWheel(plot, moves)];
  return () => {
    for (const end of ends) end();
  };
}

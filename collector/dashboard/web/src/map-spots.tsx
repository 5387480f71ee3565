// Where the nodes of the map lie: as operators have put them for everybody, as this reader has for this browser, all others as they are laid out.
import { useMemo, useRef, useState } from 'preact/hooks';
import { HEIGHT, placed, type Spot, WIDTH } from './layout.ts';
import { go, hrefOf } from './place.ts';
import { useReader } from './reader.ts';
import { useAnswer } from './use-answer.ts';
import { useDeed } from './use-deed.ts';
import { t } from './words.ts';

const KEPT = 'weir.map';
const LAYOUT = '/api/v1/map-layout';
/** What was moved just now lies there until the answer of the server has it. */
const OWN_MS = 20_000;

interface Node {
  readonly name: string;
  readonly known: boolean;
  readonly group: string;
}

interface SharedSpot extends Spot {
  readonly device: string;
}

function keptSpots(): ReadonlyMap<string, Spot> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? '{}');
    return new Map(Object.entries(kept as Record<string, Spot>));
  } catch {
    return new Map();
  }
}

export function useSpots(nodes: readonly Node[], links: readonly (readonly [string, string])[]) {
  const { may } = useReader();
  const { send } = useDeed();
  const layout = useAnswer<{ items: readonly SharedSpot[] }>(LAYOUT, { every: 6 });
  const [own, setOwn] = useState<ReadonlyMap<string, Spot & { readonly atMs?: number }>>(keptSpots);
  const shared = useMemo(() => {
    const items = layout.data?.items ?? [];
    return new Map<string, Spot>(items.map(({ device, x, y }) => [device, { x: x * WIDTH, y: y * HEIGHT }]));
  }, [layout.data]);
  const shape = nodes.map(({ name }) => name).join() + links.length;
  const spots = useMemo(
    () => placed(nodes, links, new Map([...shared, ...own])),
    // While something is dragged only that moves.
    [shape, shared],
  );
  const svg = useRef<SVGSVGElement>(null);
  const dragged = useRef<{ readonly name: string; spot: Spot | null } | null>(null);
  const spotOf = (name: string): Spot => {
    const moved = own.get(name);
    const fresh =
      moved !== undefined && (moved.atMs === undefined ? !shared.has(name) : Date.now() - moved.atMs < OWN_MS);
    return (fresh ? moved : shared.get(name)) ?? moved ?? spots.get(name) ?? { x: WIDTH / 2, y: HEIGHT / 2 };
  };
  const drag = (event: PointerEvent): void => {
    const { current } = dragged;
    const matrix = svg.current?.getScreenCTM();
    if (current === null || matrix == null) return;
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    const spot = { x: Math.max(0, Math.min(WIDTH, x)), y: Math.max(0, Math.min(HEIGHT, y)) };
    current.spot = spot;
    setOwn((last) => new Map([...last, [current.name, { ...spot, atMs: Date.now() }]]));
  };
  const drop = (): void => {
    const { current } = dragged;
    dragged.current = null;
    if (current === null) return;
    const { name, spot } = current;
    if (spot === null) return name.startsWith('? ') ? undefined : go(hrefOf(['devices', name]));
    if (may.operate && !name.startsWith('? '))
      void send('PUT', LAYOUT, { spots: [{ device: name, x: spot.x / WIDTH, y: spot.y / HEIGHT }] });
    else localStorage.setItem(KEPT, JSON.stringify({ ...Object.fromEntries(keptSpots()), [name]: spot }));
  };
  const take = (event: PointerEvent, name: string): void => {
    event.preventDefault();
    dragged.current = { name, spot: null };
  };
  const leave = (): void => {
    dragged.current = null;
  };
  return { svg, spotOf, take, drag, drop, leave };
}

/** An operator's layout is everybody's: that is asked twice. */
export function Anew() {
  const { may } = useReader();
  const { send } = useDeed();
  const [asked, setAsked] = useState(false);
  const anew = async (): Promise<void> => {
    if (may.operate && !asked) return setAsked(true);
    localStorage.removeItem(KEPT);
    if (may.operate) await send('DELETE', LAYOUT);
    location.reload();
  };
  return (
    <button type="button" class="plain" onClick={() => void anew()}>
      {asked ? t('map.sure') : t('map.anew')}
    </button>
  );
}

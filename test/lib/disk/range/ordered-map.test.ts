import { describe, expect, it } from 'vitest';
import { orderedMap } from '../../../../lib/disk/range/ordered-map.ts';

async function* upTo(count: number): AsyncGenerator<number, void, undefined> {
  for (let item = 0; item < count; item += 1) yield item;
}

async function* failing(): AsyncGenerator<number, void, undefined> {
  yield 1;
  throw new Error('no more items');
}

/** Work that ends when it is told to, and counts what is under way. */
class Gate {
  underWay = 0;
  most = 0;
  started: number[] = [];
  readonly #waiting = new Map<number, () => void>();

  work = async (item: number, signal: AbortSignal): Promise<string> => {
    this.started.push(item);
    this.underWay += 1;
    this.most = Math.max(this.most, this.underWay);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.set(item, resolve);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
      return `result ${item}`;
    } finally {
      this.underWay -= 1;
    }
  };

  finish(item: number): void {
    this.#waiting.get(item)?.();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('orderedMap', () => {
  it('yields in the order of the items, whichever work ends first', async () => {
    const gate = new Gate();
    const results = orderedMap(() => upTo(3), gate.work, { ahead: 3 });
    const first = results.next();
    await settled();
    gate.finish(2);
    gate.finish(1);
    gate.finish(0);

    expect((await first).value).toBe('result 0');
    expect((await results.next()).value).toBe('result 1');
    expect((await results.next()).value).toBe('result 2');
    expect((await results.next()).done).toBe(true);
  });

  it('starts no more than it may ahead of what is taken', async () => {
    const gate = new Gate();
    const results = orderedMap(() => upTo(100), gate.work, { ahead: 4 });
    const first = results.next();
    await settled();

    expect(gate.started).toEqual([0, 1, 2, 3]);
    gate.finish(0);
    await first;
    await settled();
    expect(gate.started).toEqual([0, 1, 2, 3, 4]);
    await results.return();
  });

  it('stops all work and the items when the consumer leaves', async () => {
    const gate = new Gate();
    let returned = false;
    async function* items(): AsyncGenerator<number, void, undefined> {
      try {
        yield* upTo(100);
      } finally {
        returned = true;
      }
    }
    const results = orderedMap(items, gate.work, { ahead: 4 });
    const first = results.next();
    await settled();
    gate.finish(0);
    await first;
    await results.return();

    expect(gate.underWay).toBe(0);
    expect(returned).toBe(true);
    const { length } = gate.started;
    await settled();
    expect(gate.started).toHaveLength(length);
  });

  it('stops all work when the signal aborts, and throws its reason', async () => {
    const gate = new Gate();
    const stop = new AbortController();
    const results = orderedMap(() => upTo(100), gate.work, { ahead: 4, signal: stop.signal });
    const first = results.next();
    await settled();
    stop.abort(new Error('enough'));

    await expect(first).rejects.toThrow('enough');
    expect(gate.underWay).toBe(0);
  });

  it('starts nothing after an abort', async () => {
    const gate = new Gate();
    const results = orderedMap(() => upTo(1), gate.work, {
      ahead: 4,
      signal: AbortSignal.abort(new Error('too late')),
    });

    await expect(results.next()).rejects.toThrow('too late');
    expect(gate.started).toEqual([]);
  });

  it('throws the first failure in order, after the other work has ended', async () => {
    const gate = new Gate();
    const results = orderedMap(
      () => upTo(5),
      (item, signal) => {
        if (item === 1) throw new Error(`item ${item} failed`);
        return gate.work(item, signal);
      },
      { ahead: 5 },
    );
    const first = results.next();
    await settled();
    gate.finish(0);

    expect((await first).value).toBe('result 0');
    await expect(results.next()).rejects.toThrow('item 1 failed');
    expect(gate.underWay).toBe(0);
  });

  it('throws what the items throw', async () => {
    const results = orderedMap(failing, async (item) => item, { ahead: 2 });

    expect((await results.next()).value).toBe(1);
    await expect(results.next()).rejects.toThrow('no more items');
  });
});

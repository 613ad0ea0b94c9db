import { describe, expect, it } from 'vitest';
import { BufferPool } from '../../../../lib/bank/write/buffer-pool.ts';

describe('BufferPool', () => {
  it('lends what was given back before it makes new buffers', async () => {
    const pool = new BufferPool(16, 2);
    const first = await pool.take();
    pool.give(first);

    expect(await pool.take()).toBe(first);
    expect((await pool.take()).length).toBe(16);
  });

  it('lets those above the limit wait, and serves them in order', async () => {
    const pool = new BufferPool(16, 1);
    const first = await pool.take();
    const served: string[] = [];
    const a = pool.take().then((buffer) => (served.push('a'), buffer));
    const b = pool.take().then((buffer) => (served.push('b'), buffer));

    pool.give(first);
    expect(await a).toBe(first);
    expect(served).toEqual(['a']);
    pool.give(first);
    await b;

    expect(served).toEqual(['a', 'b']);
  });

  it('never lends a discarded buffer again, and passes its place on', async () => {
    const pool = new BufferPool(16, 1);
    const first = await pool.take();
    const next = pool.take();

    pool.discard();

    expect(await next).not.toBe(first);
  });

  it('lets go of those who stop waiting', async () => {
    const pool = new BufferPool(16, 1);
    const first = await pool.take();
    const stop = new AbortController();
    const gone = pool.take(stop.signal);
    const stays = pool.take();

    stop.abort(new Error('stopped'));
    await expect(gone).rejects.toThrow('stopped');
    pool.give(first);

    expect(await stays).toBe(first);
    await expect(pool.take(stop.signal)).rejects.toThrow('stopped');
  });
});

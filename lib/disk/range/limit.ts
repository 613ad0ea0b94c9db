/** Runs a task when fewer than the limit are under way, in the order of the calls. */
export type Limit = <R>(task: () => Promise<R>) => Promise<R>;

export function createLimit(most: number): Limit {
  const waiting: (() => void)[] = [];
  let underWay = 0;
  return async (task) => {
    if (underWay < most) underWay += 1;
    // A task that ends passes its place on, so the count stays.
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) underWay -= 1;
      else next();
    }
  };
}

/** Like Promise.all, but a failure is reported only after all have settled, so that nothing goes on in the background. */
export async function settleAll<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

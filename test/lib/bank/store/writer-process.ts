import { directoryStore } from '../../../../lib/bank/store/directory.ts';

/**
 * A process that writes into a directory store, for tests of several and of killed ones.
 *
 *     writer-process.ts race DIRECTORY NAME   creates the keys race/0 to race/99, and prints those it won
 *     writer-process.ts fill DIRECTORY NAME   puts 4 MiB objects until it is killed, and prints each that is done
 */
const [, , task, path = '', name = ''] = process.argv;
const store = directoryStore(path);

if (task === 'race') {
  const keys = Array.from({ length: 100 }, (_, index) => `race/${index}`);
  const won = await Promise.all(keys.map((key) => store.putIfAbsent(key, Buffer.from(name))));
  console.log(keys.filter((_, index) => won[index]).join('\n'));
} else {
  const bytes = Buffer.alloc(4 * 1024 * 1024, 1);
  for (let index = 0; ; index++) {
    await store.put(`fill/${name}/${index}`, bytes);
    console.log(index);
  }
}

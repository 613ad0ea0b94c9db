import { s3Client } from '../../../lib/bank/store/s3-client.ts';
import { startS3Server } from '../../s3-server/s3-server.ts';
import { s3Places } from './s3-places.ts';
import { directoryPlaces } from './directory-places.ts';
import { runWholeMachine } from './whole-machine.ts';
const server = await startS3Server();
for (
  let seed = Number(process.argv[3] ?? 1), n = Number(process.argv[2] ?? 1);
  n > 0;
  n--, seed++
) {
  const t = performance.now();
  try {
    const r = await runWholeMachine(
      process.argv[4] === 'dir'
        ? await directoryPlaces(seed)
        : await s3Places(seed, {
            url: server.url,
            bucket: 'bank',
            client: { credentials: server.credentials, env: {} },
          }),
    );
    console.log(seed, JSON.stringify(r), Math.round(performance.now() - t));
  } catch (e) {
    console.log(seed, 'FAILED', e);
  }
}
void s3Client;
await server.close();

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { randomNumbers } from '../../../local/demo-cloud/faults.ts';
import { leftovers } from '../../interruption/leftovers.ts';
import { openStage, type Stage } from '../../interruption/stage.ts';
import { type Fault, type S3Server, startS3Server } from '../../s3-server/s3-server.ts';
import { hourLater } from './hour-later.ts';

const LONG = { timeout: 120_000 };
const expired: Fault = { kind: 'answer', effect: false, status: 400, code: 'ExpiredToken' };

let server: S3Server;
let stage: Stage;
/** That of this process is no session's: it looks into the bank. */
const tokenOf = ({ headers }: { headers: Record<string, unknown> }) =>
  headers['x-amz-security-token'] as string | undefined;

beforeEach(async () => {
  server = await startS3Server();
  vi.stubEnv('AWS_ACCESS_KEY_ID', server.credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', server.credentials.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', undefined);
  stage = await openStage({
    s3: {
      env: { AWS_ENDPOINT_URL_S3: server.url, AWS_REGION: 'us-east-1' },
      bucket: 'bank',
    },
    snapshotFormat: 'raw',
    range: 'yes',
    servers: 1,
    slowness: 1500,
    next: randomNumbers(3),
  });
  await stage.writeData();
}, 60_000);
afterEach(async () => {
  vi.useRealTimers();
  server.faultFor = () => undefined;
  await stage.close();
  await server.close();
  vi.unstubAllEnvs();
});

describe('credentials of a session, which run out', () => {
  it(
    'in the middle are named; nothing is lost or left, and with new ones the same command goes on',
    LONG,
    async () => {
      const { accessKeyId, secretAccessKey } = server.credentials;
      const session = (token: string) => ({
        env: {
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secretAccessKey,
          AWS_SESSION_TOKEN: token,
        },
      });
      let isOver = false;
      server.faultFor = (request) => {
        if (request.key.includes('/packs/') && tokenOf(request) === 'first') isOver = true;
        return isOver && tokenOf(request) === 'first' ? expired : undefined;
      };

      const failed = await stage.start(['backup', '--all'], session('first')).ended;

      expect(failed.exitCode).toBe(1);
      expect(failed.stdout).toContain('the credentials have expired; log in again (ExpiredToken)');
      expect(failed.stdout + failed.stderr).not.toContain(secretAccessKey);
      expect(stage.cloud.inventory().images.map(({ id }) => id)).toEqual([stage.imageId]);
      const again = await stage.start(['backup', '--all'], session('second')).ended;
      expect(again.exitCode, again.stdout + again.stderr).toBe(0);
      await stage.succeed('verify', '--all');
      hourLater();
      await stage.run('doctor', '--fix');
      vi.useRealTimers();
      expect(await leftovers(stage, new Set([...stage.serverIds, stage.imageId]))).toEqual([]);
    },
  );

  it.runIf(process.platform === 'linux')(
    'are asked for anew, as often as they run out',
    LONG,
    async () => {
      const script = join(stage.directory, 'session.sh');
      const config = join(stage.directory, 'aws-config');
      await writeFile(script, sessionOfSeconds(2, server));
      await writeFile(config, `[profile short]\ncredential_process = sh ${script}\n`);
      const sessions = new Set<string>();
      server.faultFor = (request) => {
        const token = tokenOf(request);
        if (token === undefined) return undefined;
        sessions.add(token);
        return Date.now() > (Number(token) + 1) * 1000 ? expired : undefined;
      };

      const { exitCode, stdout, stderr } = await stage.start(['backup', '--all'], {
        env: { AWS_CONFIG_FILE: config, AWS_PROFILE: 'short' },
      }).ended;

      expect(exitCode, stdout + stderr).toBe(0);
      expect(sessions.size).toBeGreaterThan(1);
      await stage.succeed('verify', '--all');
    },
  );
});

/** A `credential_process` whose sessions last so long; the token says until when. */
function sessionOfSeconds(seconds: number, { credentials }: S3Server): string {
  const { accessKeyId, secretAccessKey } = credentials;
  return `until=$(( $(date +%s) + ${seconds} ))
cat <<END
{"Version": 1, "AccessKeyId": "${accessKeyId}", "SecretAccessKey": "${secretAccessKey}",
 "SessionToken": "$until", "Expiration": "$(date -u -d @$until +%Y-%m-%dT%H:%M:%SZ)"}
END
`;
}

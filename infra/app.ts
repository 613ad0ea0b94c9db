import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { AwsSolutionsChecks } from 'cdk-nag';
import { bundleContainer, bundleFunctions } from './bundle.ts';
import { readSettings } from './settings.ts';
import { SnapbankStack } from './stack.ts';

const bundles = mkdtempSync(join(tmpdir(), 'snapbank-bundles-'));
process.on('exit', () => {
  rmSync(bundles, { recursive: true, force: true });
});
bundleFunctions(bundles);
const containerDirectory = join(bundles, 'container');
bundleContainer(containerDirectory);

const app = new App();
new SnapbankStack(app, {
  settings: readSettings(process.env['SNAPBANK_SETTINGS']),
  containerDirectory,
  codeOf: (fileName) => Code.fromAsset(join(bundles, fileName)),
});
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();

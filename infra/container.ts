import { bundleContainer } from './bundle.ts';

/** Writes the folder that the image of the containers is built from: npm run container -- DIRECTORY */
const [directory] = process.argv.slice(2);
if (directory === undefined) {
  process.stderr.write('Name the directory to write: npm run container -- DIRECTORY\n');
  process.exitCode = 2;
} else {
  bundleContainer(directory);
  process.stdout.write(
    `Now: docker buildx build --platform linux/arm64 --tag IMAGE --push ${directory}\n`,
  );
}

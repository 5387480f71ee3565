// Adds up a vitest JSON report and the failed steps before it, lists what was skipped, and prints the closing line.
import { readFileSync } from 'node:fs';

const [, , file, failedSteps] = process.argv;
const count = { passed: 0, failed: Number(failedSteps), skipped: 0 };
const skipped = new Map();
try {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  for (const suite of report.testResults) {
    // A file that could not be loaded has no tests to fail.
    if (suite.status === 'failed' && suite.assertionResults.length === 0) count.failed += 1;
    for (const test of suite.assertionResults) {
      if (test.status === 'passed') count.passed += 1;
      else if (test.status === 'failed') count.failed += 1;
      else {
        count.skipped += 1;
        const group = test.ancestorTitles.join(' > ') || test.title;
        skipped.set(group, (skipped.get(group) ?? 0) + 1);
      }
    }
  }
  // An error outside every test (an unhandled rejection) fails the run as well.
  if (!report.success && count.failed === 0) count.failed = 1;
} catch (error) {
  console.log(`The test report cannot be read: ${error.message}`);
  count.failed += 1;
}
if (skipped.size > 0) {
  console.log('Skipped:');
  for (const [group, tests] of skipped) console.log(`  ${group}: ${tests}`);
  console.log('  What is missing comes with: bash scripts/test --install');
}
const noSkip = process.env.WEIR_NO_SKIP === '1' && count.skipped > 0;
if (noSkip) console.log('A skip is a failure here (WEIR_NO_SKIP=1).');
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed > 0 || noSkip ? 1 : 0);

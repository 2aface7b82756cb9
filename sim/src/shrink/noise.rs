//! Taking chance out of a run: whole domains first, then draw by draw.

use super::Shrinker;
use super::ddmin::ddmin;
use crate::noise::{Domain, Key, Rule};
use crate::run::run_script_with_tape;
use std::collections::BTreeSet;

/// Draws of one domain above which they are not taken out one by one.
const DRAWS_MAX: usize = 4_000;

impl Shrinker<'_> {
    pub(super) fn shrink_noise(&mut self) {
        if self.silence() {
            return;
        }
        let loud = self.loud();
        ddmin(loud, &mut |kept| {
            self.offer_with(|script| {
                for domain in Domain::ALL {
                    if !kept.contains(&domain) {
                        script.noise.0.insert(domain, Rule::Off);
                    }
                }
            })
        });
        for domain in self.loud() {
            self.shrink_domain(domain);
        }
    }

    /// The domains in which something is left to chance.
    fn loud(&self) -> Vec<Domain> {
        let rules = &self.best.noise.0;
        Domain::ALL
            .into_iter()
            .filter(|domain| rules.get(domain) != Some(&Rule::Off))
            .collect()
    }

    fn shrink_domain(&mut self, domain: Domain) {
        let (_, tape, _) = run_script_with_tape(&self.best);
        let drawn: BTreeSet<Key> = tape
            .into_iter()
            .filter(|(of, _)| *of == domain)
            .map(|(_, key)| key)
            .collect();
        if drawn.len() > DRAWS_MAX {
            return;
        }
        let only = |kept: &[Key]| Rule::Only(kept.iter().copied().collect());
        let drawn: Vec<Key> = drawn.into_iter().collect();
        if drawn.is_empty()
            || !self.offer_with(|script| {
                script.noise.0.insert(domain, only(&drawn));
            })
        {
            return;
        }
        ddmin(drawn, &mut |kept| {
            self.offer_with(|script| {
                script.noise.0.insert(domain, only(kept));
            })
        });
    }
}

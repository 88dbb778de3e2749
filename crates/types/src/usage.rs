//! Token usage and rate limits.

/// Bytes of text that count as one token where nobody has counted: a rough figure, and the one that models' limits are
/// given for.
pub const BYTES_PER_TOKEN: usize = 4;

/// Tokens of one model response, or their sum over several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenUsage {
    /// Tokens sent, cached ones included.
    pub input_tokens: i64,
    /// The part of `input_tokens` that the provider served from its prompt cache.
    pub cached_input_tokens: i64,
    /// Tokens received, reasoning included.
    pub output_tokens: i64,
    /// The part of `output_tokens` spent on reasoning.
    pub reasoning_output_tokens: i64,
    /// What the provider counted in all.
    pub total_tokens: i64,
}

impl TokenUsage {
    /// Adds another response's tokens. What a provider counts may be absurd; sums stay within their type.
    pub fn add(&mut self, other: &Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.cached_input_tokens = self.cached_input_tokens.saturating_add(other.cached_input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.reasoning_output_tokens = self.reasoning_output_tokens.saturating_add(other.reasoning_output_tokens);
        self.total_tokens = self.total_tokens.saturating_add(other.total_tokens);
    }
}

/// A thread's token usage as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenUsageTotals {
    /// Sum over the thread.
    pub total: TokenUsage,
    /// The newest response alone.
    pub last: TokenUsage,
    /// Tokens that fit the model's context, if known.
    pub model_context_window: Option<i64>,
}

/// What a provider said about its limits, one snapshot a limit id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RateLimits {
    pub limit_id: Option<String>,
    pub limit_name: Option<String>,
    pub primary: Option<RateLimitWindow>,
    pub secondary: Option<RateLimitWindow>,
    pub credits: Option<Credits>,
    /// The account's plan as the back end names it.
    pub plan_type: Option<String>,
    /// Which limit was reached, as the back end names it (`rate_limit_reached`, …).
    pub reached_type: Option<String>,
}

/// How much of one limit's window is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimitWindow {
    /// 0 to 100.
    pub used_percent: f64,
    pub window_minutes: Option<i64>,
    /// Unix seconds.
    pub resets_at: Option<i64>,
}

/// Prepaid credits of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credits {
    pub has_credits: bool,
    pub unlimited: bool,
    pub balance: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_counts_of_a_provider_stay_at_the_limit() {
        let absurd = TokenUsage { input_tokens: i64::MAX, output_tokens: i64::MIN, ..TokenUsage::default() };
        let mut total = absurd;
        total.add(&absurd);
        assert_eq!(total, absurd);
    }
}

# Reference values of the deterministic pieces of imputation, for tests/unit/test_chained_equations.py.
# Run in this folder, after make_inputs.py: Rscript engine.R   (R 4.2.2, mice 3.15.0, MASS 7.3-58.2, nnet 7.3-18)
suppressMessages({library(mice); library(MASS); library(nnet)})
data <- read.csv("inputs.csv", na.strings = "")
results <- NULL
keep <- function(piece, quantity, values, terms = seq_along(values))
  results <<- rbind(results, data.frame(piece = piece, quantity = quantity, term = as.character(terms), value = sprintf("%.15g", values)))

# The Bayesian draw of mice's predictive mean matching, with its ridge, and the random numbers that it used.
complete <- data[complete.cases(data[, c("x", "amount", "item", "second")]), ]
x <- cbind(1, scale(as.matrix(complete[, c("x", "item", "second")])))
y <- complete$amount
df <- nrow(x) - ncol(x)
set.seed(11)
keep("draw", "chi_square", rchisq(1, df))
keep("draw", "normal", rnorm(ncol(x)))
set.seed(11)
drawn <- mice:::.norm.draw(y, rep(TRUE, length(y)), x, ls.meth = "ridge", ridge = 1e-5)
keep("draw", "coefficient", drawn$coef)
keep("draw", "sigma", drawn$sigma)
keep("draw", "drawn", drawn$beta)

# The nearest donor (of one donor, without ties, nothing is random).
set.seed(12)
predicted <- rnorm(60)
expected <- rnorm(15)
keep("match", "predicted", predicted)
keep("match", "expected", expected)
keep("match", "donor", mice:::matchindex(predicted, expected, 1L))

# Logits by maximum likelihood, without augmented rows.
rows <- data[complete.cases(data[, c("x", "amount", "yes")]), ]
fit <- glm(yes ~ x + amount, binomial, rows, epsilon = 1e-14, maxit = 100)
keep("logit", "coefficient", coef(fit))
keep("logit", "std_error", sqrt(diag(vcov(fit))))
rows <- data[complete.cases(data[, c("x", "amount", "kind")]), ]
fit <- multinom(kind ~ x + amount, rows, trace = FALSE, maxit = 1000, reltol = 1e-15, abstol = 1e-15)
keep("multinomial", "coefficient", as.vector(t(coef(fit))))
keep("multinomial", "std_error", as.vector(t(summary(fit)$standard.errors)))
rows <- data[complete.cases(data[, c("x", "amount", "stage")]), ]
fit <- polr(factor(stage) ~ x + amount, rows, Hess = TRUE, control = list(reltol = 1e-15, maxit = 1000))
keep("ordered", "threshold", fit$zeta)
keep("ordered", "coefficient", coef(fit))

write.csv(results, "engine.csv", row.names = FALSE)
